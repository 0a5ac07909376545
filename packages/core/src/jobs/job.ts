import type { JsonObject } from '@hearth/protocol'
import type { Tables } from '@hearth/store'

/** Work that was asked for with `tx.jobs.add`. */
export interface Job {
  readonly key: string
  readonly payload: JsonObject
  /** What an earlier run has saved of its work; undefined when there is nothing. */
  readonly progress: JsonObject | undefined
  /** Aborted when the run is to end: the process stops, the job was asked for anew, or it has not got on for too long. */
  readonly signal: AbortSignal
}

/** How a run writes down how far it has come. */
export interface JobProgress {
  /**
   * Saves what the next run needs to go on from here. With a transaction's tables, together with the work itself, which is
   * then done exactly once; without, it may be done again.
   * @throws the signal's reason, or JobTaken, when the run is to end; nothing may be caught of it.
   */
  save(progress: JsonObject, tx?: Tables): Promise<void>
}

/** How jobs of a kind are done. */
export interface JobHandler {
  readonly kind: string
  /**
   * Does a job, at least once: again from its last progress after a failure, a restart or the end of its process, on one
   * process at a time. What it throws is logged and shown, and it is tried again later. Long ones save their progress:
   * ten minutes without are a failure.
   */
  run(job: Job, progress: JobProgress): Promise<void>
}

/** A run's job is another's now, or was asked for anew. */
export class JobTaken extends Error {
  override readonly name = 'JobTaken'

  constructor() {
    super('the job was taken by another process or asked for anew')
  }
}
