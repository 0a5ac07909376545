/** The longest delay that Node's timers know; a longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** A timer that has been set. Cancelling one that has fired does nothing. */
export interface Timer {
  cancel(): void
}

/** Time, as an argument, so that tests decide what time it is. */
export interface Clock {
  /** Milliseconds since the epoch, for what is stored or sent. It may jump either way. */
  now(): number
  /** Milliseconds since an arbitrary moment, for durations and deadlines. It never goes back. */
  monotonic(): number
  /** Calls back once after `ms` milliseconds of monotonic time. Does not keep the process alive. */
  setTimer(ms: number, callback: () => void): Timer
  /** Resolves after `ms` milliseconds, or rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** `Clock.sleep` in terms of `Clock.setTimer`. */
function sleepOn(clock: Pick<Clock, 'setTimer'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(reasonOf(signal))
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(reasonOf(signal!))
    }
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason })
}

/** The machine's clocks. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now()
  }

  monotonic(): number {
    return performance.now()
  }

  setTimer(ms: number, callback: () => void): Timer {
    const handle = setTimeout(callback, Math.min(Math.max(ms, 0), MAX_TIMER_MS))
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }
}

interface FakeTimer {
  readonly due: number
  readonly callback: () => void
}

/** A clock that stands still until it is told to go on. For tests. */
export class FakeClock implements Clock {
  #wall: number
  #elapsed = 0
  #timers = new Set<FakeTimer>()

  /** Starts at `startMs` milliseconds since the epoch. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#wall = startMs
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#elapsed
  }

  setTimer(ms: number, callback: () => void): Timer {
    const timer = { due: this.#elapsed + Math.max(ms, 0), callback }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  /** The number of timers that have not fired. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Sets the wall clock forward or back without any time passing, as an administrator or NTP does. */
  jump(ms: number): void {
    this.#wall += ms
  }

  /** Lets time pass: due timers fire in order, each at its own moment, and what is ready to run does before each. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    await settle()
    for (;;) {
      const next = this.#nextDue(end)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#moveTo(next.due)
      next.callback()
      await settle()
    }
    this.#moveTo(end)
    await settle()
  }

  #nextDue(end: number): FakeTimer | undefined {
    let next: FakeTimer | undefined
    for (const timer of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer
    }
    return next
  }

  #moveTo(elapsed: number): void {
    this.#wall += elapsed - this.#elapsed
    this.#elapsed = elapsed
  }
}

/** Lets everything that is ready to run, run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
