import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '@hearth/runtime'
import { DirectoryLock, EmbeddedPostgres } from '@hearth/store'
import { TestPostgres } from './test-postgres.ts'

const DIRECTORY_PREFIX = 'hearth-test-postgres-'
const ABANDONED_MS = 60_000
/** A file system in memory clones databases many times faster than a disk. Containers may have a tiny one. */
const MEMORY_DIRECTORY = '/dev/shm'
const NEEDED_BYTES = 2 ** 31

export interface RunningPostgres {
  readonly server: TestPostgres
  /** Removes everything that was made on it. */
  stop(): Promise<void>
}

/**
 * A PostgreSQL server with a migrated template: the one that TEST_DATABASE_URL names (its role has to be allowed to create
 * databases), else an embedded one of its own in a temporary directory. With `durable` that forces to disk what it commits,
 * as it does for those who keep their data.
 */
export async function startTestPostgres({ durable = false } = {}): Promise<RunningPostgres> {
  const template = `hearth_test_${randomBytes(4).toString('hex')}`
  const external = process.env['TEST_DATABASE_URL']
  if (external !== undefined) {
    const server = new TestPostgres({ serverUrl: external, template })
    await server.prepare()
    return { server, stop: () => server.dropAll() }
  }
  await removeAbandoned(tmpdir())
  await removeAbandoned(MEMORY_DIRECTORY)
  const parent = !durable && (await hasRoom(MEMORY_DIRECTORY)) ? MEMORY_DIRECTORY : tmpdir()
  const directory = await mkdtemp(join(parent, DIRECTORY_PREFIX))
  const postgres = await EmbeddedPostgres.start({
    dataDirectory: directory,
    durability: durable ? 'durable' : 'throwaway',
    logger: createLogger({ level: 'error' }),
  })
  const stop = async (): Promise<void> => {
    await postgres.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const server = new TestPostgres({ serverUrl: postgres.url, template })
    await server.prepare()
    return { server, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function hasRoom(directory: string): Promise<boolean> {
  const free = await statfs(directory).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  )
  return free >= NEEDED_BYTES
}

/**
 * Removes what test runs that were killed left behind. PostgreSQL itself ends within a minute of its directory's removal.
 */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    if (!name.startsWith(DIRECTORY_PREFIX)) continue
    const directory = join(parent, name)
    const { mtimeMs } = await stat(directory).catch(() => ({ mtimeMs: Date.now() }))
    // A run that has only just begun has not locked its directory yet.
    if (Date.now() - mtimeMs < ABANDONED_MS) continue
    await DirectoryLock.acquire(directory).then(
      async (lock) => {
        await rm(directory, { recursive: true, force: true })
        await lock.release()
      },
      () => undefined,
    )
  }
}
