import { execFileSync } from 'node:child_process'
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Database, EmbeddedDatabaseError, EmbeddedPostgres, type EmbeddedPostgresOptions } from '../src/index.ts'
import { ended, isRunning, killed, spawnEmbedded } from './fixtures/embedded-processes.ts'
import { collectingLogger } from './fixtures/quiet-logger.ts'
import { scratchDirectory } from './fixtures/scratch-directory.ts'

const asRoot = process.getuid?.() === 0
let parent: string
let dataDirectory: string
let logged: string[]

/** A cluster that has been made, to be copied: making one takes ten times as long. */
let made: string

beforeAll(async () => {
  dataDirectory = made = await scratchDirectory()
  await (await start()).stop()
})

afterAll(async () => {
  await rm(made, { recursive: true, force: true })
})

beforeEach(async () => {
  // Made for root alone, when it is root: PostgreSQL's account may not enter it, as it may not enter root's home.
  parent = await scratchDirectory()
  dataDirectory = join(parent, 'data')
  logged = []
})

async function makeCluster(): Promise<void> {
  await cp(made, dataDirectory, { recursive: true })
}

afterEach(async () => {
  await rm(parent, { recursive: true, force: true })
})

const start = (options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> =>
  EmbeddedPostgres.start({ dataDirectory, logger: collectingLogger(logged), durability: 'throwaway', ...options })

async function query(url: string, text: string): Promise<object[]> {
  const database = await Database.open({ url, logger: collectingLogger() })
  try {
    return await database.query(null, text)
  } finally {
    await database.close()
  }
}

describe('an embedded PostgreSQL', () => {
  it('starts on a directory that does not exist, keeps what is written, and listens to no network', async () => {
    const first = await start({ durability: 'durable' })
    expect(await query(first.url, `select current_setting('listen_addresses') as addresses`)).toEqual([
      { addresses: '' },
    ])
    await query(first.url, 'create table kept as select 42 as answer')
    await first.stop()
    expect(await isRunning(first.pid)).toBe(false)
    expect((await readdir(dataDirectory)).sort()).toEqual(['postgres'])

    const second = await start({ durability: 'durable' })
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }])
    await second.stop()
  })

  it('forces what it acknowledges to disk, and checks its pages', async () => {
    await makeCluster()
    const postgres = await start({ durability: 'durable' })
    const names = ['fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums', 'lc_collate', 'server_encoding']
    const rows = await query(
      postgres.url,
      `select name, setting from pg_settings where name in (${names.map((name) => `'${name}'`).join()}) order by name`,
    )
    expect(rows).toEqual([
      { name: 'data_checksums', setting: 'on' },
      { name: 'fsync', setting: 'on' },
      { name: 'full_page_writes', setting: 'on' },
      { name: 'server_encoding', setting: 'UTF8' },
      { name: 'synchronous_commit', setting: 'on' },
    ])
    await postgres.stop()
  })

  it('can be tuned by its administrator', async () => {
    await makeCluster()
    const first = await start()
    await query(first.url, `alter system set work_mem = '12MB'`)
    await first.stop()
    const second = await start()
    expect(await query(second.url, `select current_setting('work_mem') as work_mem`)).toEqual([{ work_mem: '12MB' }])
    await second.stop()
  })

  it('logs what happens to the server, and nothing that statements hold', async () => {
    await makeCluster()
    const postgres = await start({ durability: 'durable' })
    await query(postgres.url, 'create table secrets (secret text primary key)')
    const insert = (): Promise<object[]> => query(postgres.url, `insert into secrets values ('swordfish')`)
    await insert()
    await expect(insert()).rejects.toThrow('duplicate key')
    await postgres.stop()
    const log = logged.join('\n')
    expect(log).toContain('ready to accept connections')
    expect(log).not.toMatch(/swordfish|duplicate/)
  })

  it.runIf(asRoot)(
    'runs under an account without rights, in a directory that only that account may enter',
    async () => {
      const postgres = await start()
      const cluster = join(dataDirectory, 'postgres')
      const { uid, mode } = await stat(cluster)
      expect(uid).not.toBe(0)
      expect(mode & 0o777).toBe(0o700)
      expect(await readFile(`/proc/${postgres.pid}/status`, 'utf8')).toContain(`Uid:\t${uid}\t${uid}`)
      await postgres.stop()
    },
  )

  it.runIf(asRoot)('goes on when its directory can be entered by everybody, and when it belongs to root', async () => {
    await chmod(parent, 0o755)
    await mkdir(dataDirectory, { mode: 0o755 })
    const first = await start()
    await query(first.url, 'create table kept (id int)')
    await first.stop()
    execFileSync('chown', ['-R', '0:0', join(dataDirectory, 'postgres')])
    const second = await start()
    expect(await query(second.url, 'select * from kept')).toEqual([])
    await second.stop()
  })

  it('works where the path of its socket would be too long, and leaves no socket behind', async () => {
    dataDirectory = join(parent, 'a'.repeat(100), 'data')
    await makeCluster()
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith('hearth-socket-'))
    const postgres = await start()
    const directory = new URL(postgres.url).searchParams.get('host')!
    expect(directory.startsWith(join(tmpdir(), 'hearth-socket-'))).toBe(true)
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await postgres.stop()
    const after = (await readdir(tmpdir())).filter((name) => name.startsWith('hearth-socket-'))
    expect(after).toEqual(before)
  })

  it('refuses a directory of another major version, with the way to upgrade', async () => {
    await makeCluster()
    await writeFile(join(dataDirectory, 'postgres', 'PG_VERSION'), '16\n')
    const refusal = start()
    await expect(refusal).rejects.toBeInstanceOf(EmbeddedDatabaseError)
    await expect(refusal).rejects.toThrow('was written by PostgreSQL 16')
    await expect(refusal).rejects.toThrow('pg_dump')
    await expect(refusal).rejects.toThrow('pg_restore')
  })

  it('refuses a directory that holds something else', async () => {
    await mkdir(join(dataDirectory, 'postgres'), { recursive: true })
    await writeFile(join(dataDirectory, 'postgres', 'notes.txt'), 'mine')
    await expect(start()).rejects.toThrow('is not a PostgreSQL data directory')
    expect(await readdir(dataDirectory)).toEqual(['postgres'])
  })

  it('begins anew when its making was interrupted', async () => {
    await mkdir(join(dataDirectory, 'postgres.new'), { recursive: true })
    await writeFile(join(dataDirectory, 'postgres.new', 'PG_VERSION'), '18\n')
    await (await start()).stop()
    expect(await readdir(dataDirectory)).toEqual(['postgres'])
  })

  it('refuses a second process on the same directory', async () => {
    await makeCluster()
    const postgres = await start()
    await expect(spawnEmbedded(dataDirectory)).rejects.toThrow(
      `${dataDirectory} is in use by another Hearth process (pid ${process.pid})`,
    )
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await postgres.stop()
  })

  it('says what PostgreSQL said when it does not start', async () => {
    await makeCluster()
    await writeFile(join(dataDirectory, 'postgres', 'postgresql.auto.conf'), `shared_buffers = 'lots'\n`)
    await expect(start()).rejects.toThrow(/PostgreSQL did not start.*shared_buffers/s)
    expect(await readdir(dataDirectory)).toEqual(['postgres'])
  })
})

describe('an embedded PostgreSQL that is killed', () => {
  beforeEach(makeCluster)

  it('is started again, and connections come back by themselves', async () => {
    const postgres = await start({ durability: 'durable' })
    const database = await Database.open({ url: postgres.url, logger: collectingLogger() })
    await database.execute(null, 'create table kept as select 42 as answer')
    const running = Promise.allSettled([
      database.read(null, 'select pg_sleep(5)'),
      database.query(null, 'select pg_sleep(5)'),
      database.transaction((tx) => tx.query(null, 'select pg_sleep(5)')),
    ])
    await sleep(200)
    const { pid } = postgres
    process.kill(pid, 'SIGKILL')
    const lost = { status: 'rejected', reason: { outcome: 'unknown' } }
    expect(await running).toMatchObject([lost, lost, lost])
    expect(await database.query(null, 'select answer from kept')).toEqual([{ answer: 42 }])
    expect(await database.read(null, 'select answer from kept')).toEqual([{ answer: 42 }])
    expect(postgres.pid).not.toBe(pid)
    expect(database.statistics()).toMatchObject({ available: true, connectionsLost: 1 })
    await database.close()
    await postgres.stop()
  })

  it('is started again at once, though a session of the killed one is still at work', async () => {
    const postgres = await start()
    const database = await Database.open({ url: postgres.url, logger: collectingLogger(), waitMs: 60_000 })
    // Unlike one that waits, it does not look whether its server is still there.
    const busy = database.query(null, 'select count(*) from generate_series(1, 1e9)').catch((error: unknown) => error)
    await sleep(200)
    const before = performance.now()
    process.kill(postgres.pid, 'SIGKILL')
    await sleep(50)
    expect(await database.query(null, 'select 1 as one')).toEqual([{ one: 1 }])
    // The session's query would go on for minutes.
    expect(performance.now() - before).toBeLessThan(40_000)
    expect(await busy).toMatchObject({ outcome: 'unknown' })
    await database.close()
    await postgres.stop()
  })

  it('serves again after one of its sessions was killed', async () => {
    const postgres = await start()
    const database = await Database.open({ url: postgres.url, logger: collectingLogger() })
    const [row] = await database.query<{ pid: number }>(null, 'select pg_backend_pid() as pid')
    process.kill(row!.pid, 'SIGKILL')
    await ended(row!.pid)
    // PostgreSQL ends all sessions when one of them has crashed: what runs at that moment fails.
    await database.query(null, 'select 1').catch(() => undefined)
    expect(await database.query(null, 'select 1 as one')).toEqual([{ one: 1 }])
    await database.close()
    await postgres.stop()
  })

  it('together with its parent recovers at the next start', async () => {
    const first = await spawnEmbedded(dataDirectory)
    await query(first.url, 'create table kept (id int)')
    await killed(first.child, 'SIGKILL')
    process.kill(first.pid, 'SIGKILL')
    const second = await start()
    expect(await query(second.url, 'select * from kept')).toEqual([])
    await second.stop()
  })

  it('can be stopped while it is away', async () => {
    const postgres = await start()
    const cluster = join(dataDirectory, 'postgres')
    await rename(cluster, `${cluster}.away`)
    process.kill(postgres.pid, 'SIGKILL')
    await ended(postgres.pid)
    await postgres.stop()
    expect(await readdir(dataDirectory)).toEqual(['postgres.away'])
  })
})

describe('a process with an embedded PostgreSQL', () => {
  beforeEach(makeCluster)

  it('that is killed leaves it behind, and the next one stops it and starts its own', async () => {
    const first = await spawnEmbedded(dataDirectory)
    await query(first.url, 'create table kept (id int)')
    await killed(first.child, 'SIGKILL')
    expect(await isRunning(first.pid)).toBe(true)
    const second = await start()
    expect(await isRunning(first.pid)).toBe(false)
    expect(logged.join('\n')).toContain('an earlier process left behind')
    expect(await query(second.url, 'select * from kept')).toEqual([])
    await second.stop()
  })

  it('that is killed leaves no socket directory either, once the next one has started', async () => {
    dataDirectory = join(parent, 'a'.repeat(100), 'data')
    await makeCluster()
    const first = await spawnEmbedded(dataDirectory)
    await killed(first.child, 'SIGKILL')
    const second = await start()
    await expect(stat(new URL(first.url).searchParams.get('host')!)).rejects.toMatchObject({ code: 'ENOENT' })
    await second.stop()
  })

  it('does not take another program for the server it left behind', async () => {
    // The number in the file belongs to a process that lives and is not PostgreSQL: this one.
    await writeFile(
      join(dataDirectory, 'postgres', 'postmaster.pid'),
      `${process.pid}\n${dataDirectory}\n1\n5432\n\n\n`,
    )
    const postgres = await start()
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await postgres.stop()
  })

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('that gets %s stops it before it ends', async (signal) => {
    const { child, pid } = await spawnEmbedded(dataDirectory)
    await killed(child, signal)
    expect(child.signalCode).toBe(signal)
    expect(await isRunning(pid)).toBe(false)
    expect(await readdir(dataDirectory)).toEqual(['postgres'])
  })

  it.each(['end', 'throw'] as const)('that forgets to stop it takes it along: %s', async (ending) => {
    const { pid } = await spawnEmbedded(dataDirectory, ending)
    await ended(pid)
  })
})
