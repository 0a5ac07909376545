import type { Waiters } from './waiters.ts'

/** Requests that are woken before everything else gets a turn. */
const wakeSlice = 100

/** Those who are to be woken. They are in slices, so that a message to a room of thousands does not hold up everything else. */
export class WakeQueue {
  readonly #waiting = new Set<Waiters>()
  #isRunning = false

  add(waiters: Waiters): void {
    this.#waiting.add(waiters)
    this.#run()
  }

  addAll(all: Iterable<Waiters>): void {
    for (const waiters of all) this.#waiting.add(waiters)
    this.#run()
  }

  #run(): void {
    if (this.#isRunning || this.#waiting.size === 0) return
    this.#isRunning = true
    // The position moves after the listeners; whoever is woken must find it moved.
    setImmediate(() => this.#wakeNextSlice())
  }

  #wakeNextSlice(): void {
    let count = 0
    for (const waiters of this.#waiting) {
      this.#waiting.delete(waiters)
      count += waiters.size
      waiters.wake()
      if (count >= wakeSlice) break
    }
    this.#isRunning = false
    this.#run()
  }
}
