import { mkdir } from 'node:fs/promises'
import type { Lifecycle } from '@hearth/runtime'
import { DirectoryLock } from '@hearth/store'
import type { Config } from '../generated/config.ts'

/**
 * Keeps other processes out of the data directory until the lifecycle ends; throws when one is in it. Processes that hear of
 * one another over Redis may share it: they sign with one key.
 */
export async function lockDataDirectory(
  { dataDir, databaseUrl, redisUrl }: Config,
  lifecycle: Lifecycle,
): Promise<void> {
  // The embedded database locks the directory itself.
  if (databaseUrl === undefined) return
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  if (redisUrl !== undefined) return
  const lock = await DirectoryLock.acquire(dataDir)
  lifecycle.adopt({ name: 'data directory', stop: () => lock.release() })
}
