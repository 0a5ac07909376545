import { limitExceeded } from '@hearth/protocol'
import { LruCache, type Clock } from '@hearth/runtime'

export interface ByteBudgetOptions {
  /** How many bytes somebody may have fetched at once after a pause. */
  readonly burst: number
  /** How many per second in the long run. */
  readonly perSecond: number
  readonly enabled: boolean
  readonly clock: Clock
}

const MAX_KEYS = 50_000

/** Counts bytes rather than requests: a leaky bucket for each of those who have files of other servers fetched. */
export class ByteBudget {
  readonly #options: ByteBudgetOptions
  readonly #buckets = new LruCache<string, { bytes: number; at: number }>({
    name: 'media_budgets',
    maxEntries: MAX_KEYS,
  })

  constructor(options: ByteBudgetOptions) {
    this.#options = options
  }

  /** @throws MatrixError 429 `M_LIMIT_EXCEEDED` when all is used up */
  check(key: string): void {
    const { burst, perSecond, enabled } = this.#options
    const over = this.#level(key) - burst
    if (enabled && over >= 0) throw limitExceeded(Math.ceil((over / perSecond) * 1000) + 1_000)
  }

  /** Counts bytes that were fetched. What is over the limit has to be waited for all the same. */
  take(key: string, bytes: number): void {
    this.#buckets.set(key, { bytes: this.#level(key) + bytes, at: this.#options.clock.monotonic() })
  }

  #level(key: string): number {
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) return 0
    const { clock, perSecond } = this.#options
    return Math.max(0, bucket.bytes - ((clock.monotonic() - bucket.at) / 1000) * perSecond)
  }
}
