import type { JobQueue } from '@hearth/queues'
import type { Clock, Counter, Gauge, Logger, Metrics } from '@hearth/runtime'
import type { Store, TakenJob } from '@hearth/store'
import type { ThisProcess } from '../processes/this-process.ts'
import type { JobHandler } from './job.ts'
import { JobRun, LEASE_MS } from './job-run.ts'

/** How many jobs of one kind a process runs at once: those that wait for other servers hold up no others. */
const MAX_RUNNING = 4
const POLL_MS = 60_000
/** How long to leave alone what another process is about to take, in milliseconds. */
const CONTENDED_MS = 100
/** How long to leave to others what one of them was called for, in milliseconds. */
const SHARED_NAP_MS = 500

export interface JobsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: Metrics
  /** Who the jobs are taken for. */
  readonly process: Pick<ThisProcess, 'id' | 'onFreed'>
  /** Says to one of the processes that run jobs that there is something to do. */
  readonly queue: JobQueue
  /** How often to look for jobs that nobody has told of, in milliseconds; each minute when absent. */
  readonly pollMs?: number
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
  readonly #pollMs: number
  readonly #runs: Counter<'kind' | 'outcome'> | undefined
  readonly #waiting: Gauge<'state'> | undefined
  #nap = new AbortController()
  #woken = false
  #loop: Promise<void> | undefined

  constructor(deps: JobsDeps) {
    this.#deps = deps
    this.#pollMs = deps.pollMs ?? POLL_MS
    deps.process.onFreed(() => this.#look())
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

  /** Begins to run jobs. A process that does not can ask for them all the same. */
  async start(): Promise<void> {
    this.#loop = this.#runDue()
    await this.#deps.queue.takePart(() => this.#look())
  }

  /** Says that a job was asked for, once that is committed. Where that gets lost, it is found somewhat later. */
  wake(): void {
    this.#deps.queue.wake()
  }

  /** Breaks off what is running, which goes on after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#nap.abort()
    await this.#loop
    await Promise.all(this.#running.keys())
  }

  #look(): void {
    this.#woken = true
    this.#nap.abort()
  }

  async #runDue(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#woken = false
      let napMs = this.#pollMs
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
    const { store, clock, process, queue } = this.#deps
    const kinds = [...this.#handlers.keys()]
    for (;;) {
      const free = kinds.filter((kind) => this.#countOf(kind) < MAX_RUNNING)
      const { jobs, failing, dueTs } = await store.jobs.census(kinds)
      this.#waiting?.set({ state: 'all' }, jobs)
      this.#waiting?.set({ state: 'failing' }, failing)
      if (dueTs === null || free.length === 0 || signal.aborted) return this.#pollMs
      const now = clock.now()
      if (dueTs > now) return Math.min(dueTs - now, this.#pollMs)
      const job = await store.jobs.take(free, process.id, { now, leaseUntilTs: now + LEASE_MS })
      // Where some kinds are busy, the end of one of theirs wakes.
      if (job === undefined) return free.length < kinds.length ? this.#pollMs : CONTENDED_MS
      this.#begin(job)
      if (!queue.isShared) continue
      // What else is due is for whoever is called next.
      queue.wake()
      return Math.min(this.#pollMs, SHARED_NAP_MS)
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
        this.#look()
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
