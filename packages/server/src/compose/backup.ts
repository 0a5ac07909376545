import { copyFile, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Lifecycle, SystemClock, type Logger } from '@hearth/runtime'
import {
  BackupError,
  backUpDatabase,
  restoreDatabase,
  runningEmbedded,
  verifyBackup,
  type BackupManifest,
} from '@hearth/store'
import type { Config } from '../generated/config.ts'
import { lockDataDirectory } from './lock-data-directory.ts'
import { databaseUrl } from './open-store.ts'
import { signingKeyPath } from './signing-key-file.ts'

const KEY = 'signing.key'

/** Backs a deployment up into a new or empty directory, while it runs or not: database, signing key, what media it has. */
export async function backUp(config: Config, logger: Logger, directory: string): Promise<BackupManifest> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if ((await readdir(directory)).length > 0)
    throw new BackupError(`${directory} is not empty: each backup has a directory of its own`)
  const clock = new SystemClock()
  const lifecycle = new Lifecycle({ clock, logger })
  try {
    const running = config.databaseUrl === undefined ? await runningEmbedded(config.dataDir) : undefined
    const url = running ?? (await databaseUrl(config, { clock, logger, lifecycle }))
    await copyFile(signingKeyPath(config.dataDir), join(directory, KEY))
    return await backUpDatabase(url, directory, clock.now())
  } finally {
    await lifecycle.stop()
  }
}

/** Fills a new deployment from a backup. Nothing that is there is overwritten. */
export async function restore(config: Config, logger: Logger, directory: string): Promise<BackupManifest> {
  const manifest = await verifyBackup(directory)
  if (manifest.serverName !== config.serverName) {
    throw new BackupError(`the backup is of ${manifest.serverName}, and server_name is ${config.serverName}`)
  }
  const key = signingKeyPath(config.dataDir)
  if (await stat(key).catch(() => undefined))
    throw new BackupError(`${key} is there already: restore into a new deployment`)
  const clock = new SystemClock()
  const lifecycle = new Lifecycle({ clock, logger })
  try {
    await lockDataDirectory(config, lifecycle)
    const url = await databaseUrl(config, { clock, logger, lifecycle })
    await restoreDatabase(url, directory)
    await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
    // Last: with it, the deployment is there.
    await copyFile(join(directory, KEY), key)
    return manifest
  } finally {
    await lifecycle.stop()
  }
}
