import type { StreamChange, StreamPage } from '../streams/streams.ts'
import type { Tables } from '../tables.ts'

/** What a consumer is handed: the changes of a stretch of the stream, in order. */
export interface ConsumedPage<Change extends StreamChange> extends StreamPage<Change> {
  /** The position before the stretch. */
  readonly after: number
}

/**
 * Something that follows the stream at a cursor of its own, kept in the database: every change is handed to it at least
 * once and in order, across crashes, by one process at a time.
 */
export interface StreamConsumer<Change extends StreamChange> {
  /** The name of its cursor. */
  readonly name: string
  /** Where one that never ran begins: at the first change ever, or with what comes from now on. */
  readonly startAt: 'beginning' | 'head'
  /** The most changes to hand over at once; 500 when absent. */
  readonly batchSize?: number
  /** Whether state events and redactions are all that it is handed. */
  readonly stateOnly?: boolean
  /** How long to wait after a change for others to come along with it, in milliseconds; 100 when absent. */
  readonly lingerMs?: number
  /** What it is woken by: state events alone, or everything when absent. The rest is handed to it all the same, later. */
  readonly wokenBy?: 'state'
  /**
   * Works on changes. What it writes through `tx` is committed together with the cursor, so that it happens exactly once;
   * anything else may happen again.
   */
  handle(page: ConsumedPage<Change>, tx: Tables): Promise<void>
  /** Called when what `handle` has written is committed: to hint at it. */
  committed?(): void
}
