import type { Clock } from './clock.ts'

export interface BackoffOptions {
  /** The upper bound of the first delay, in milliseconds. */
  readonly baseMs: number
  /** The upper bound of every delay, in milliseconds. */
  readonly maxMs: number
  /** Random numbers in [0, 1); `Math.random` when absent. */
  readonly random?: () => number
}

/**
 * The delay in milliseconds before attempt number `attempt` is repeated (the first is 0): exponential, and drawn from
 * the upper half of its range, so that those who failed together do not come back together.
 */
export function backoffDelay(attempt: number, { baseMs, maxMs, random = Math.random }: BackoffOptions): number {
  const bound = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 52))
  return bound / 2 + (random() * bound) / 2
}

export interface RetryOptions extends BackoffOptions {
  readonly clock: Clock
  /** Ends the attempts, with the signal's reason. */
  readonly signal?: AbortSignal
  /** How often to try at most; without a limit when absent. */
  readonly attempts?: number
  /** Tells whether a failure may pass; every one may when absent. */
  readonly retryable?: (error: unknown) => boolean
  /** Called before each wait, to log it. */
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void
}

/** Repeats `work` until it succeeds; throws its last error when there is no sense in going on. */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal, attempts = Infinity, retryable = () => true, onRetry } = options
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await work(attempt)
    } catch (error) {
      if (attempt + 1 >= attempts || !retryable(error)) throw error
      const delayMs = backoffDelay(attempt, options)
      onRetry?.(error, attempt, delayMs)
      await clock.sleep(delayMs, signal)
    }
  }
}
