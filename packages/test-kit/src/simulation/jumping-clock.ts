import { SystemClock, type Clock, type Timer } from '@hearth/runtime'

interface PendingTimer {
  readonly due: number
  readonly callback: () => void
  handle: Timer | undefined
}

/** The machine's clock, which a test can set forward: what waits for longer than a test has time goes on at once. */
export class JumpingClock implements Clock {
  readonly #system = new SystemClock()
  readonly #timers = new Set<PendingTimer>()
  #jumped = 0

  now(): number {
    return this.#system.now() + this.#jumped
  }

  monotonic(): number {
    return this.#system.monotonic() + this.#jumped
  }

  setTimer(ms: number, callback: () => void): Timer {
    const timer: PendingTimer = { due: this.monotonic() + ms, callback, handle: undefined }
    this.#timers.add(timer)
    this.#arm(timer)
    return {
      cancel: () => {
        this.#timers.delete(timer)
        timer.handle?.cancel()
      },
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        timer.cancel()
        reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'))
      }
      if (signal?.aborted) {
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
        return
      }
      const timer = this.setTimer(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Sets the clock forward. What is due then happens as soon as possible. */
  jump(ms: number): void {
    this.#jumped += ms
    for (const timer of this.#timers) {
      timer.handle?.cancel()
      this.#arm(timer)
    }
  }

  #arm(timer: PendingTimer): void {
    timer.handle = this.#system.setTimer(Math.max(timer.due - this.monotonic(), 0), () => {
      this.#timers.delete(timer)
      timer.callback()
    })
  }
}
