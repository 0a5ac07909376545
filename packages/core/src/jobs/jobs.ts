import type { Clock, Counter, Gauge, Logger, Metrics } from '@hearth/runtime'
import type { Store, TakenJob } from '@hearth/store'
import type { JobHandler } from './job.ts'
import { JobRun, LEASE_MS } from './job-run.ts'

/** How many jobs of one kind a process runs at once: those that wait for other servers hold up no others. */
const MAX_RUNNING = 4
/** How often to look for jobs that nobody has told of, in milliseconds. */
const POLL_MS = 60_000
/** How long to leave alone what another process is about to take, in milliseconds. */
const CONTENDED_MS = 100

export interface JobsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: Metrics
  /** Whether no other process runs jobs of this database: then those that had been taken go on at once after a restart. */
  readonly alone: boolean
}

/**
 * Runs the jobs that use cases have asked for with `tx.jobs.add`: each on one process at a time, a few at once, again
 * after failures with growing delays, and on after a restart from where it had come.
 */
export class Jobs {
  readonly #deps: JobsDeps
  readonly #handlers = new Map<string, JobHandler>()
  readonly #running = new Map<Promise<void>, string>()
  readonly #stopping = new AbortController()
  readonly #runs: Counter<'kind' | 'outcome'> | undefined
  readonly #waiting: Gauge<'state'> | undefined
  #nap = new AbortController()
  #woken = false
  #loop: Promise<void> | undefined

  constructor(deps: JobsDeps) {
    this.#deps = deps
    this.#runs = deps.metrics?.counter({
      name: 'hearth_job_runs_total',
      help: 'Runs of background jobs that have ended',
      labelNames: ['kind', 'outcome'],
    })
    this.#waiting = deps.metrics?.gauge({
      name: 'hearth_jobs',
      help: 'Background jobs that are not done: all of them, and those whose last run failed',
      labelNames: ['state'],
    })
  }

  /** Says how jobs of a kind are done; to be called before `start`. */
  register(handler: JobHandler): void {
    if (this.#handlers.has(handler.kind)) throw new Error(`jobs of kind "${handler.kind}" have a handler already`)
    this.#handlers.set(handler.kind, handler)
  }

  async start(): Promise<void> {
    if (this.#deps.alone) await this.#deps.store.jobs.releaseAll()
    this.#loop = this.#runDue()
  }

  /** Says that a job was asked for, once that is committed. Forgetting it costs a minute. */
  wake(): void {
    this.#woken = true
    this.#nap.abort()
  }

  /** Breaks off what is running, which goes on after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#nap.abort()
    await this.#loop
    await Promise.all(this.#running.keys())
  }

  async #runDue(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#woken = false
      let napMs = POLL_MS
      try {
        napMs = await this.#beginDue(signal)
      } catch (error) {
        this.#deps.logger.warn('could not look for jobs; will try again', { error })
      }
      await this.#sleep(napMs)
    }
  }

  /** Begins what is due, as long as there is room; resolves to how long to wait for more, in milliseconds. */
  async #beginDue(signal: AbortSignal): Promise<number> {
    const { store, clock } = this.#deps
    const kinds = [...this.#handlers.keys()]
    for (;;) {
      const free = kinds.filter((kind) => this.#countOf(kind) < MAX_RUNNING)
      const { jobs, failing, dueTs } = await store.jobs.census(kinds)
      this.#waiting?.set({ state: 'all' }, jobs)
      this.#waiting?.set({ state: 'failing' }, failing)
      if (dueTs === null || free.length === 0 || signal.aborted) return POLL_MS
      const now = clock.now()
      if (dueTs > now) return Math.min(dueTs - now, POLL_MS)
      const job = await store.jobs.take(free, now, now + LEASE_MS)
      // Where some kinds are busy, the end of one of theirs wakes.
      if (job === undefined) return free.length < kinds.length ? POLL_MS : CONTENDED_MS
      this.#begin(job)
    }
  }

  #begin(job: TakenJob): void {
    const handler = this.#handlers.get(job.kind)!
    const run: Promise<void> = new JobRun({ ...this.#deps, handler, job, stopping: this.#stopping.signal })
      .run()
      .then((outcome) => this.#runs?.inc({ kind: job.kind, outcome }))
      // What could not be written down is done again when the lease has run out.
      .catch((error: unknown) => this.#deps.logger.warn('could not end a job', { error, kind: job.kind }))
      .then(() => {
        this.#running.delete(run)
        this.wake()
      })
    this.#running.set(run, job.kind)
  }

  #countOf(kind: string): number {
    let count = 0
    for (const running of this.#running.values()) if (running === kind) count += 1
    return count
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#woken || this.#stopping.signal.aborted) return
    this.#nap = new AbortController()
    await this.#deps.clock.sleep(ms, this.#nap.signal).catch(() => undefined)
  }
}
