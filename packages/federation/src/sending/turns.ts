import type { Clock, Timer } from '@hearth/runtime'

/** Those that did well the last time do not wait behind those of which nothing is known, or nothing good. */
export type Lane = 'proven' | 'unproven'

export interface TurnsOptions {
  /** How many of each lane run at a time. */
  readonly slots: Readonly<Record<Lane, number>>
  /** One that has run for this long, in milliseconds, gives its slot to the next, though it runs on. */
  readonly patienceMs: number
  /** How many run at a time at most, those without a slot included. The last of these places are for the proven. */
  readonly max: number
}

/**
 * Gives everybody who has something to do a turn, first come first served: one turn at a time, and a place at the end of the
 * queue afterwards. Whoever takes long, because the other side is slow or gone, holds up the others for a moment only.
 */
export class Turns<T> {
  readonly #options: TurnsOptions
  readonly #clock: Clock
  readonly #run: (item: T) => Promise<void>
  readonly #waiting: Record<Lane, Set<T>> = { proven: new Set(), unproven: new Set() }
  readonly #taken: Record<Lane, number> = { proven: 0, unproven: 0 }
  readonly #running = new Set<Promise<void>>()
  #stopped = false

  constructor(deps: TurnsOptions & { clock: Clock; run: (item: T) => Promise<void> }) {
    this.#options = deps
    this.#clock = deps.clock
    this.#run = deps.run
  }

  get waiting(): number {
    return this.#waiting.proven.size + this.#waiting.unproven.size
  }

  get running(): number {
    return this.#running.size
  }

  /** Asks for a turn. Whoever is running must not. */
  add(item: T, lane: Lane): void {
    if (this.#waiting.proven.has(item) || this.#waiting.unproven.has(item)) return
    this.#waiting[lane].add(item)
    this.#begin()
  }

  /** Begins nothing more, and waits for what is running. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
  }

  #begin(): void {
    const { slots, max } = this.#options
    for (const lane of ['proven', 'unproven'] as const) {
      const limit = lane === 'proven' ? max : max - slots.proven
      for (const item of this.#waiting[lane]) {
        if (this.#taken[lane] >= slots[lane] || this.#running.size >= limit || this.#stopped) break
        this.#waiting[lane].delete(item)
        this.#start(item, lane)
      }
    }
  }

  #start(item: T, lane: Lane): void {
    this.#taken[lane] += 1
    let hasSlot = true
    const giveBack = (): void => {
      if (!hasSlot) return
      hasSlot = false
      this.#taken[lane] -= 1
    }
    const timer: Timer = this.#clock.setTimer(this.#options.patienceMs, () => {
      giveBack()
      this.#begin()
    })
    const running = this.#run(item).finally(() => {
      timer.cancel()
      giveBack()
      this.#running.delete(running)
      this.#begin()
    })
    this.#running.add(running)
  }
}
