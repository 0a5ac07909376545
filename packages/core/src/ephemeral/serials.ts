import type { Clock } from '@hearth/runtime'

/**
 * Numbers the changes of what is only in memory: typing and presence. They are microseconds since the epoch, or one more
 * than the last where that would be no later, so that those of a restarted process come after all before it and those of
 * several processes can be compared as well as their clocks agree.
 */
export class Serials {
  /** The first that this process could have given out: what was before it is not known any more. */
  readonly start: number
  readonly #clock: Clock
  #last: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.start = this.#last = clock.now() * 1_000
  }

  /** The last that was given out. */
  get last(): number {
    return this.#last
  }

  next(): number {
    return (this.#last = Math.max(this.#last + 1, this.#clock.now() * 1_000))
  }
}
