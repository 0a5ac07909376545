import type { Clock, Timer } from '@hearth/runtime'
import type { AbortListeners } from './abort-listeners.ts'
import { DeadlineExceeded } from './deadline-exceeded.ts'

/** The signal with which a caller gives up, and what listens to it. */
export interface CallerSignal {
  readonly signal: AbortSignal
  readonly listeners: AbortListeners
}

/** The deadlines of a request: one for all of it, and one for whatever it is waiting for. */
export class Phases implements Disposable {
  readonly #clock: Clock
  readonly #ended = new AbortController()
  readonly #total: Timer
  readonly #forgetCaller: (() => void) | undefined
  #phase: Timer | undefined

  constructor({ clock, totalMs, caller }: { clock: Clock; totalMs: number; caller?: CallerSignal }) {
    this.#clock = clock
    this.#total = clock.setTimer(totalMs, () => this.#ended.abort(new DeadlineExceeded('the request', totalMs)))
    if (caller === undefined) return
    const { signal, listeners } = caller
    const onAbort = (): void => this.#ended.abort(signal.reason)
    if (signal.aborted) onAbort()
    else this.#forgetCaller = listeners.add(signal, onAbort)
  }

  /** Aborted when a deadline passes, with a `DeadlineExceeded`, and when the caller gives up, with the caller's reason. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /** From now on, `what` may take so long. */
  enter(what: string, limitMs: number): void {
    this.#phase?.cancel()
    this.#phase = this.#clock.setTimer(limitMs, () => this.#ended.abort(new DeadlineExceeded(what, limitMs)))
  }

  /** What is waited for has come; only the deadline of the whole request goes on. */
  leave(): void {
    this.#phase?.cancel()
  }

  [Symbol.dispose](): void {
    this.#phase?.cancel()
    this.#total.cancel()
    this.#forgetCaller?.()
  }
}
