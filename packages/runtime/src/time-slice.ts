import type { Clock } from './clock.ts'

/** How long one piece of work may hold the event loop, in milliseconds. */
const SLICE_MS = 10

/** Cuts long work into slices: what does many small steps asks between them, and now and then lets others run. */
export class TimeSlice {
  readonly #clock: Pick<Clock, 'monotonic'>
  #startedAt: number

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
    this.#startedAt = clock.monotonic()
  }

  /** True when the slice is used up: it is time to {@link rest}. */
  get isOver(): boolean {
    return this.#clock.monotonic() - this.#startedAt >= SLICE_MS
  }

  /** Lets others run, and begins the next slice. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.#startedAt = this.#clock.monotonic()
  }
}
