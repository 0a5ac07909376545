/**
 * Hands out the work that is due. What there is to do are rows in PostgreSQL: this says to one of the processes that take
 * part that it should look. Nothing is lost with it; whoever takes part looks by itself as well, now and then.
 */
export interface JobQueue {
  /** Whether there can be others that take part. */
  readonly isShared: boolean
  /** Says that something is due. One of the processes that take part is told. */
  wake(): void
  /** Takes part: calls back when this process should look for something to do. */
  takePart(onWake: () => void): Promise<void>
  /** Takes part no more. */
  end(): Promise<void>
}
