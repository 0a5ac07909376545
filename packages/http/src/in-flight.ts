import type { Clock, Timer } from '@hearth/runtime'
import type { Exchange } from './exchange.ts'

/** The exchanges that are going on, and the end of those that take too long. */
export class InFlight {
  readonly #clock: Clock
  readonly #checkIntervalMs: number
  readonly #onExpired: (exchange: Exchange) => void
  readonly #exchanges = new Set<Exchange>()
  #timer: Timer | undefined
  #onEmpty: (() => void) | undefined

  /** One timer looks at all deadlines: ten thousand waiting requests have none of their own. */
  constructor(deps: { clock: Clock; checkIntervalMs: number; onExpired: (exchange: Exchange) => void }) {
    this.#clock = deps.clock
    this.#checkIntervalMs = deps.checkIntervalMs
    this.#onExpired = deps.onExpired
  }

  get size(): number {
    return this.#exchanges.size
  }

  [Symbol.iterator](): Iterator<Exchange> {
    return this.#exchanges.values()
  }

  add(exchange: Exchange): void {
    this.#exchanges.add(exchange)
    if (this.#timer === undefined) this.#schedule()
  }

  delete(exchange: Exchange): boolean {
    const deleted = this.#exchanges.delete(exchange)
    if (this.#exchanges.size === 0) this.#onEmpty?.()
    return deleted
  }

  /** Resolves when nothing is going on any more (true), or when `limitMs` milliseconds are over (false). */
  drained(limitMs: number): Promise<boolean> {
    if (this.#exchanges.size === 0) return Promise.resolve(true)
    return new Promise((resolve) => {
      const limit = this.#clock.setTimer(limitMs, () => resolve(false))
      this.#onEmpty = () => {
        limit.cancel()
        resolve(true)
      }
    })
  }

  #check(): void {
    const now = this.#clock.monotonic()
    for (const exchange of this.#exchanges) if (exchange.deadlineAt <= now) this.#onExpired(exchange)
    this.#timer = undefined
    if (this.#exchanges.size > 0) this.#schedule()
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimer(this.#checkIntervalMs, () => this.#check())
  }
}
