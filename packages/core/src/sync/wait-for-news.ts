import type { Clock } from '@hearth/runtime'
import type { Waiters } from './waiters.ts'

/** A wish to be woken. */
export interface Wake {
  /** Resolves when there is news, at once if it has come already, or after `ms` milliseconds. */
  orTimeout(ms: number): Promise<void>
  /** Takes the wish back. */
  cancel(): void
}

/** Throws the signal's reason when nobody reads the answer any more; a server that stops still answers with what there is. */
export function throwIfGone(signal: AbortSignal): void {
  if (signal.aborted && (signal.reason as { why?: unknown }).why !== 'stopping') signal.throwIfAborted()
}

/** Registers for the next news or the client's going away, whichever is first. A timer runs only while somebody waits. */
export function waitForNews(clock: Clock, waiters: readonly Waiters[], signal: AbortSignal): Wake {
  let isAwake = signal.aborted
  let resolveWait: (() => void) | undefined
  const onWake = (): void => {
    isAwake = true
    resolveWait?.()
  }
  const takeBack = waiters.map((each) => each.onNext(onWake))
  signal.addEventListener('abort', onWake, { once: true })
  return {
    async orTimeout(ms) {
      if (isAwake) return
      await new Promise<void>((resolve) => {
        const timer = clock.setTimer(ms, resolve)
        resolveWait = () => {
          timer.cancel()
          resolve()
        }
      })
    },
    cancel() {
      for (const each of takeBack) each()
      signal.removeEventListener('abort', onWake)
    },
  }
}
