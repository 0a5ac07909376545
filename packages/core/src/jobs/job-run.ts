import { backoffDelay, type Clock, type Logger } from '@hearth/runtime'
import type { JsonObject } from '@hearth/protocol'
import type { Store, TakenJob, Tables } from '@hearth/store'
import { JobTaken, type JobHandler } from './job.ts'

/** How long a job belongs to a process that shows no sign of life, in milliseconds. */
export const LEASE_MS = 60_000
const RENEW_EVERY_MS = 20_000
/** A run that has not got on for so long is given up. */
const STALL_MS = 10 * 60_000
const BACKOFF = { baseMs: 2_000, maxMs: 60 * 60_000 }
const MAX_FAILURE_LENGTH = 500

/** What became of a run. */
export type RunOutcome = 'done' | 'failed' | 'broken-off'

export interface JobRunDeps {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly handler: JobHandler
  readonly job: TakenJob
  /** Aborted when the process stops. */
  readonly stopping: AbortSignal
}

/** One run of a job that this process has taken: keeps the job while it runs and writes down what became of it. */
export class JobRun {
  readonly #deps: JobRunDeps
  readonly #end = new AbortController()
  #gotOnAt: number
  #attempts: number

  constructor(deps: JobRunDeps) {
    this.#deps = deps
    this.#gotOnAt = deps.clock.monotonic()
    this.#attempts = deps.job.attempts
  }

  /** Runs it to its end. Rejects only when that could not be written down. */
  async run(): Promise<RunOutcome> {
    const { store, job, stopping } = this.#deps
    const over = new AbortController()
    const renewal = this.#renew(over.signal)
    let failure: unknown
    try {
      await this.#work(AbortSignal.any([stopping, this.#end.signal]))
    } catch (error) {
      failure = error ?? new Error('failed without an error')
    } finally {
      over.abort()
      await renewal
    }
    if (failure === undefined && (await store.jobs.finish(job))) return 'done'
    if (failure === undefined || failure instanceof JobTaken || stopping.aborted) {
      await store.jobs.release(job)
      return 'broken-off'
    }
    await this.#fail(failure)
    return 'failed'
  }

  /** Lets the handler work; gives it up when it does not heed that the job is lost. */
  async #work(signal: AbortSignal): Promise<void> {
    const { handler, job } = this.#deps
    const { promise: lost, reject } = Promise.withResolvers<never>()
    lost.catch(() => undefined)
    this.#end.signal.addEventListener('abort', () => reject(this.#end.signal.reason as Error))
    const { key, payload, progress } = job
    const run = handler.run({ key, payload, progress, signal }, { save: (state, tx) => this.#save(state, tx, signal) })
    await Promise.race([run, lost])
  }

  async #save(progress: JsonObject, tx: Tables | undefined, signal: AbortSignal): Promise<void> {
    const { store, clock, job } = this.#deps
    signal.throwIfAborted()
    if (!(await (tx ?? store).jobs.save(job, progress, clock.now() + LEASE_MS))) throw new JobTaken()
    this.#gotOnAt = clock.monotonic()
    this.#attempts = 1
  }

  /** Keeps the job until `over`, as long as it gets on. */
  async #renew(over: AbortSignal): Promise<void> {
    const { store, clock, logger, job } = this.#deps
    while (!over.aborted && !this.#end.signal.aborted) {
      try {
        await clock.sleep(RENEW_EVERY_MS, over)
        if (clock.monotonic() - this.#gotOnAt > STALL_MS) this.#end.abort(new Error('it has not got on for too long'))
        else if (!(await store.jobs.extend(job, clock.now() + LEASE_MS))) this.#end.abort(new JobTaken())
      } catch (error) {
        // Without the database the lease runs out, and what the run writes is refused.
        if (!over.aborted) logger.warn('could not keep a job', { error, kind: job.kind })
      }
    }
  }

  async #fail(error: unknown): Promise<void> {
    const { store, clock, logger, job } = this.#deps
    const delayMs = Math.round(backoffDelay(this.#attempts - 1, BACKOFF))
    logger.error('a job failed', { error, kind: job.kind, attempts: this.#attempts, delayMs })
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    await store.jobs.fail(
      job,
      text.slice(0, MAX_FAILURE_LENGTH).replaceAll('\0', ' ').toWellFormed(),
      clock.now() + delayMs,
    )
  }
}
