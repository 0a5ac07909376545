import { randomUUID } from 'node:crypto'
import type { JsonObject } from '@hearth/protocol'
import { LocalBus, LocalHub, LocalJobQueue } from '@hearth/queues'
import { createLogger, FakeClock, Metrics } from '@hearth/runtime'
import { Store, type TakenJob } from '@hearth/store'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Jobs, ThisProcess, type Job, type JobHandler, type JobProgress } from '../src/index.ts'

const logger = createLogger({ level: 'error', sink: { write: () => undefined, flush: () => undefined } })
let database: TestDatabase
let store: Store
let clock: FakeClock

beforeAll(async () => {
  database = await createTestDatabase()
  store = await Store.open({ url: database.url, logger })
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

const processes: { readonly jobs: Jobs; stop(): Promise<void> }[] = []
let hub: LocalHub

beforeEach(async () => {
  clock = new FakeClock()
  hub = new LocalHub(clock)
  await store.database.execute(null, 'delete from jobs')
  return async () => {
    await Promise.all(processes.splice(0).map((process) => process.stop()))
  }
})

interface ToyRun {
  readonly job: Job
  readonly progress: JobProgress
  readonly end: PromiseWithResolvers<void>
}

/** A handler whose runs the test ends. */
class Toy implements JobHandler {
  readonly kind = 'toy'
  readonly runs: ToyRun[] = []

  async run(job: Job, progress: JobProgress): Promise<void> {
    const end = Promise.withResolvers<void>()
    job.signal.addEventListener('abort', () => end.reject(job.signal.reason as Error))
    this.runs.push({ job, progress, end })
    await end.promise
  }

  /** The run of this number, once it has begun. */
  async nth(index: number): Promise<ToyRun> {
    await expect.poll(() => this.runs.length).toBeGreaterThan(index)
    return this.runs[index]!
  }
}

async function startProcess(handler: JobHandler, options: { alone?: boolean; metrics?: Metrics } = {}): Promise<Jobs> {
  const { alone = false, metrics } = options
  const bus = new LocalBus({ clock, logger, hub })
  const process = new ThisProcess({ store, bus, roles: ['all'], alone, clock, logger })
  const jobs = new Jobs({ store, clock, logger, process, queue: new LocalJobQueue(), ...(metrics && { metrics }) })
  jobs.register(handler)
  processes.push({
    jobs,
    async stop() {
      await jobs.stop()
      await process.stop()
    },
  })
  await process.start()
  await jobs.start()
  return jobs
}

/** A job that a process has taken, which shows no more that it is there. */
async function takenByOther(): Promise<{ readonly job: TakenJob; readonly id: string }> {
  const id = randomUUID()
  await store.processes.enter(id, { now: clock.now(), roles: [], alone: false })
  const job = await store.jobs.take(['toy'], id, { now: clock.now(), leaseUntilTs: clock.now() + 60_000 })
  return { job: job!, id }
}

async function ask(payload: JsonObject = {}, key = 'one'): Promise<void> {
  await store.transaction((tx) => tx.jobs.add({ kind: 'toy', key, payload, now: clock.now() }))
  for (const { jobs } of processes) jobs.wake()
}

async function left(): Promise<number> {
  return (await store.jobs.census(['toy'])).jobs
}

async function leaseEnd(): Promise<number | undefined> {
  const rows = await store.database.query<{ until: number }>(null, 'select lease_until_ts as until from jobs')
  return rows[0]?.until
}

const isDone = () => expect.poll(() => left()).toBe(0)

describe('jobs', () => {
  it('does what a committed transaction has asked for, and nothing else', async () => {
    const toy = new Toy()
    await startProcess(toy)
    await expect(
      store.transaction(async (tx) => {
        await tx.jobs.add({ kind: 'toy', key: 'undone', payload: {}, now: clock.now() })
        throw new Error('rolled back')
      }),
    ).rejects.toThrow('rolled back')
    await ask({ text: 'a\0b\ud800' })
    const { job, end } = await toy.nth(0)
    expect(job).toMatchObject({ key: 'one', payload: { text: 'a\0b\ud800' }, progress: undefined })
    end.resolve()
    await isDone()
    expect(toy.runs).toHaveLength(1)
  })

  it('goes on after a restart from where it had come', async () => {
    const toy = new Toy()
    const first = await startProcess(toy)
    await ask()
    await (await toy.nth(0)).progress.save({ step: 7 })
    await first.stop()
    await startProcess(toy)
    const { job, end } = await toy.nth(1)
    expect(job.progress).toEqual({ step: 7 })
    end.resolve()
    await isDone()
  })

  it('goes on at once when the only process was killed', async () => {
    await ask()
    await takenByOther()
    const toy = new Toy()
    await startProcess(toy, { alone: true })
    ;(await toy.nth(0)).end.resolve()
    await isDone()
  })

  it('is one process’s at a time, and another’s when that has died', async () => {
    const toy = new Toy()
    await ask()
    const { job: dead, id } = await takenByOther()
    await startProcess(toy)
    for (let second = 0; second < 6; second += 1) {
      await clock.advance(1_000)
      await store.processes.beat(id, undefined)
    }
    expect(toy.runs).toHaveLength(0)
    // By the database's clock it has not shown itself for long.
    await store.database.execute(null, "update processes set seen_at = seen_at - interval '3 s' where id = $1", [id])
    await vi.waitFor(() => clock.advance(1_000).then(() => expect(toy.runs).toHaveLength(1)), 30_000)
    const { end } = await toy.nth(0)
    // It was not dead but slow: nothing that it writes counts any more.
    expect(await store.jobs.save(dead, { step: 1 }, clock.now() + 60_000)).toBe(false)
    expect(await store.jobs.finish(dead)).toBe(false)
    end.resolve()
    await isDone()
  })

  it('keeps a job that takes longer than its lease', async () => {
    const [toy, other] = [new Toy(), new Toy()]
    await startProcess(toy)
    await ask()
    const { end } = await toy.nth(0)
    await startProcess(other)
    for (let i = 0; i < 10; i++) {
      await clock.advance(20_000)
      await expect.poll(() => leaseEnd()).toBe(clock.now() + 60_000)
    }
    expect(other.runs).toHaveLength(0)
    end.resolve()
    await isDone()
  })

  it('tries again after a failure, later each time, and shows what is failing', async () => {
    const toy = new Toy()
    const metrics = new Metrics()
    await startProcess(toy, { metrics })
    await ask()
    for (const index of [0, 1]) {
      ;(await toy.nth(index)).end.reject(new Error('no luck'))
      await expect.poll(() => metrics.text()).toContain('hearth_jobs{state="failing"} 1')
      expect(toy.runs).toHaveLength(index + 1)
      await clock.advance(5_000)
    }
    ;(await toy.nth(2)).end.resolve()
    await isDone()
    expect(await metrics.text()).toContain('hearth_job_runs_total{kind="toy",outcome="failed"} 2')
  })

  it('gives up a run that does not get on', async () => {
    const toy = new Toy()
    await startProcess(toy)
    await ask()
    const { job } = await toy.nth(0)
    while (!job.signal.aborted) {
      await clock.advance(20_000)
      await expect.poll(async () => job.signal.aborted || (await leaseEnd()) === clock.now() + 60_000).toBe(true)
    }
    await expect.poll(async () => (await store.jobs.census(['toy'])).failing).toBe(1)
  })

  it('runs anew what is asked for while it runs, with the newer payload', async () => {
    const toy = new Toy()
    await startProcess(toy)
    await ask({ name: 'old' })
    const { progress, end } = await toy.nth(0)
    await progress.save({ step: 1 })
    await ask({ name: 'new' })
    await expect(progress.save({ step: 2 })).rejects.toMatchObject({ name: 'JobTaken' })
    end.resolve()
    const again = await toy.nth(1)
    expect(again.job).toMatchObject({ payload: { name: 'new' }, progress: undefined })
    again.end.resolve()
    await isDone()
  })

  it('runs a few at once, and the others after them', async () => {
    const toy = new Toy()
    await startProcess(toy)
    for (let i = 0; i < 6; i++) await ask({}, `number ${i}`)
    await toy.nth(3)
    expect(toy.runs).toHaveLength(4)
    for (let i = 0; i < 6; i++) (await toy.nth(i)).end.resolve()
    await isDone()
  })

  it('leaves jobs of kinds that it does not know', async () => {
    const toy = new Toy()
    await store.jobs.add({ kind: 'of a newer version', key: '', payload: {}, now: clock.now() })
    await startProcess(toy)
    await ask()
    ;(await toy.nth(0)).end.resolve()
    await expect.poll(() => left()).toBe(1)
  })
})
