import { Waiters } from './waiters.ts'

/** Between which positions messages may wait for one device, and who waits for them. */
export class DeviceInbox {
  readonly waiters = new Waiters()
  #isLoaded = false
  #first = Infinity
  #last = 0

  /** Whether it is known what the store holds; from then on the stream tells of the rest. */
  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** Takes what the store holds; undefined for nothing. */
  load(bounds: { readonly first: number; readonly last: number } | undefined): void {
    this.#isLoaded = true
    if (!bounds) return
    this.add(bounds.first)
    this.add(bounds.last)
  }

  /** Takes note of a message at a position. */
  add(pos: number): void {
    this.#first = Math.min(this.#first, pos)
    this.#last = Math.max(this.#last, pos)
  }

  /** Whether a message may wait up to a position. */
  mayHoldUpTo(pos: number): boolean {
    return this.#first <= pos
  }

  /** Whether a message may wait after a position. */
  mayHoldAfter(pos: number): boolean {
    return this.#last > pos
  }

  /** Takes note that everything up to a position is gone. */
  clearUpTo(pos: number): void {
    this.#first = this.#last > pos ? Math.max(this.#first, pos + 1) : Infinity
  }

  /** Takes note that between the last message, or what the device has, and another position there is none. */
  endAt(last: number, upTo: number): void {
    if (this.#last <= upTo) this.#last = last
  }
}
