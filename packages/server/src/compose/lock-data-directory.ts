import { mkdir } from 'node:fs/promises'
import type { Lifecycle } from '@hearth/runtime'
import { DirectoryLock } from '@hearth/store'
import type { Config } from '../generated/config.ts'

/** Keeps other processes out of the data directory until the lifecycle ends; throws when one is in it. */
export async function lockDataDirectory({ dataDir, databaseUrl }: Config, lifecycle: Lifecycle): Promise<void> {
  // The embedded database locks the directory itself.
  if (databaseUrl === undefined) return
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const lock = await DirectoryLock.acquire(dataDir)
  lifecycle.adopt({ name: 'data directory', stop: () => lock.release() })
}
