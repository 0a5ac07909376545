import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Metrics } from '@hearth/runtime'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database, DatabaseUnavailable, EmbeddedPostgres } from '../src/index.ts'
import { collectingLogger } from './fixtures/quiet-logger.ts'
import { scratchDirectory } from './fixtures/scratch-directory.ts'

let parent: string
let postgres: EmbeddedPostgres

const start = (): Promise<EmbeddedPostgres> =>
  EmbeddedPostgres.start({
    dataDirectory: join(parent, 'data'),
    logger: collectingLogger(),
    durability: 'throwaway',
  })

beforeAll(async () => {
  parent = await scratchDirectory()
  postgres = await start()
})

afterAll(async () => {
  await postgres.stop()
  await rm(parent, { recursive: true, force: true })
})

describe('while the database is away', () => {
  it('statements wait for a while and then fail without effect, and work once it is back', async () => {
    const metrics = new Metrics()
    const database = await Database.open({ url: postgres.url, logger: collectingLogger(), metrics, waitMs: 300 })
    expect(await database.health()).toEqual({ ok: true })
    await database.query(null, 'select 1')
    await postgres.stop()

    const before = performance.now()
    const failures = await Promise.allSettled([
      database.read(null, 'select 1'),
      database.query(null, 'select 1'),
      database.transaction((tx) => tx.query(null, 'select 1')),
    ])
    expect(performance.now() - before).toBeGreaterThan(250)
    const failed = { status: 'rejected', reason: { outcome: 'none' } }
    expect(failures).toMatchObject([failed, failed, failed])
    expect(await database.health()).toEqual({ ok: false, reason: 'the database cannot be reached' })
    expect(await metrics.text()).toMatch(/hearth_database_available 0\n(.*\n)*hearth_database_losses_total 1\n/)

    const query = () => database.query(null, 'select 1 as one').catch(() => 'away')
    const waiting = sleep(100).then(query)
    postgres = await start()
    await waiting
    // The pauses between attempts to connect have grown beyond what this database waits.
    await expect.poll(query, { timeout: 30_000 }).toEqual([{ one: 1 }])
    expect(await database.health()).toEqual({ ok: true })
    await database.close()
  })

  it('it can be closed', async () => {
    const database = await Database.open({ url: postgres.url, logger: collectingLogger() })
    await postgres.stop()
    await sleep(50)
    const waiting = database.query(null, 'select 1').catch((error: unknown) => error)
    await database.close()
    expect(await waiting).toBeInstanceOf(DatabaseUnavailable)
    postgres = await start()
  })

  it('a process that starts waits for it', async () => {
    const { url } = postgres
    await postgres.stop()
    const opening = Database.open({ url, logger: collectingLogger(), openWaitMs: 20_000 })
    postgres = await start()
    const database = await opening
    expect(await database.read(null, 'select 1 as one')).toEqual([{ one: 1 }])
    await database.close()
  })

  it('a process that starts gives up in the end', async () => {
    const { url } = postgres
    await postgres.stop()
    const opening = Database.open({ url, logger: collectingLogger(), openWaitMs: 100 })
    await expect(opening).rejects.toBeInstanceOf(DatabaseUnavailable)
    await expect(opening).rejects.toThrow('the database cannot be reached: connect ENOENT')
    postgres = await start()
  })

  it('a process that has nothing else to do stays', async () => {
    const { url } = postgres
    await postgres.stop()
    const fixture = join(import.meta.dirname, 'fixtures', 'database-process.ts')
    const child = spawn(process.execPath, ['--conditions=source', fixture, url, '20000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const ending = once(child, 'exit')
    await sleep(1_000)
    postgres = await start()
    expect((await lines.next()).value).toBe('connected')
    await sleep(100)
    await postgres.stop()
    await sleep(500)
    postgres = await start()
    expect((await lines.next()).value).toBe('connected again')
    expect(await ending).toEqual([0, null])
  })
})
