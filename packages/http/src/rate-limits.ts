import { limitExceeded } from '@hearth/protocol'
import type { SharedRateLimits } from '@hearth/queues'
import type { Metrics } from '@hearth/runtime'
import {
  BurstyRateLimiter,
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
  type RateLimiterAbstract,
} from 'rate-limiter-flexible'
import { addressGroup } from './client-address.ts'

/** A class of requests and how often one may make them. */
export interface RateLimit {
  /** How many per second are let through in the long run. */
  readonly perSecond: number
  /** How many are let through at once after a pause. */
  readonly burst: number
  /** Whom a request counts against: who asks, or the address it comes from. */
  readonly by: 'user' | 'address'
}

interface Limiter {
  readonly by: 'user' | 'address'
  readonly buckets: BurstyRateLimiter
  /** The windows: in Redis where they are shared, else those in memory. */
  readonly parts: readonly RateLimiterAbstract[]
  /** What is counted here: everything, or what comes while Redis is away. */
  readonly memory: readonly RateLimiterMemory[]
  /** The longer of its windows, in milliseconds. */
  readonly longestMs: number
  /** The keys it holds, the oldest first. */
  readonly keys: Set<string>
}

const DEFAULT_MAX_KEYS = 50_000

/** Named rate limits, counted in the memory of this process, or in Redis for several processes together. */
export class RateLimiters<Name extends string = string> {
  readonly #names: ReadonlySet<string>
  readonly #limiters: ReadonlyMap<string, Limiter>
  readonly #maxKeys: number
  readonly #onRefusal: (name: string) => void

  /** Without `enabled` every request passes. `maxKeys` bounds how many users or addresses each class remembers. */
  constructor(deps: {
    readonly limits: Readonly<Record<Name, RateLimit>>
    readonly enabled: boolean
    /** Where several processes count together. While it is away, each counts for itself. */
    readonly shared?: SharedRateLimits | undefined
    readonly maxKeys?: number
    readonly metrics?: Metrics
  }) {
    this.#names = new Set(Object.keys(deps.limits))
    const limits = Object.entries<RateLimit>(deps.enabled ? deps.limits : {})
    this.#limiters = new Map(limits.map(([name, limit]) => [name, createLimiter(name, limit, deps.shared)]))
    this.#maxKeys = deps.maxKeys ?? DEFAULT_MAX_KEYS
    const refusals = deps.metrics?.counter({
      name: 'hearth_rate_limited_total',
      help: 'Requests refused by a rate limit',
      labelNames: ['limit'],
    })
    this.#onRefusal = (name) => refusals?.inc({ limit: name })
  }

  /** Tells whether there is a class of this name, enabled or not. */
  has(name: string): boolean {
    return this.#names.has(name)
  }

  /**
   * Counts a request against the class's user, or address when nobody is logged in.
   * @throws MatrixError 429 `M_LIMIT_EXCEEDED`.
   */
  async countRequest(name: Name, from: { readonly subject: string | undefined; readonly ip: string }): Promise<void> {
    const limiter = this.#limiters.get(name)
    if (limiter === undefined) return
    const byUser = limiter.by === 'user' && from.subject !== undefined
    await this.#count(name, limiter, byUser ? from.subject : addressGroup(from.ip))
  }

  /**
   * Counts against any key, such as the account that somebody tries to log in to. An address is given as `addressGroup`
   * has it.
   * @throws MatrixError 429 `M_LIMIT_EXCEEDED`.
   */
  async count(name: Name, key: string): Promise<void> {
    const limiter = this.#limiters.get(name)
    if (limiter !== undefined) await this.#count(name, limiter, key)
  }

  /** Takes one count against a key back, because it turned out not to be what is limited. */
  async giveBack(name: Name, key: string): Promise<void> {
    const [steady, lump] = this.#limiters.get(name)?.parts ?? []
    if (steady === undefined || lump === undefined) return
    const counted = await lump.get(key)
    if (counted === null || counted.consumedPoints <= 0) {
      await steady.delete(key)
      return
    }
    // A window counts what it refuses all the same, so there may be more to take back than was let through.
    const excess = Math.max(0, counted.consumedPoints - lump.points)
    await lump.reward(key, 1 + excess)
  }

  /** Forgets what was counted against a key. */
  async reset(name: Name, key: string): Promise<void> {
    const limiter = this.#limiters.get(name)
    if (limiter === undefined) return
    limiter.keys.delete(key)
    for (const part of limiter.parts) await part.delete(key)
  }

  async #count(name: Name, limiter: Limiter, key: string): Promise<void> {
    await this.#remember(limiter, key)
    try {
      await limiter.buckets.consume(key)
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal
      this.#onRefusal(name)
      // Windows end by the wall clock; when that is set back, no wait is longer than a window all the same.
      throw limitExceeded(Math.ceil(Math.min(Math.max(refusal.msBeforeNext, 1), limiter.longestMs)))
    }
  }

  /** Keeps the number of keys bounded, by letting go of the one that was used longest ago. */
  async #remember(limiter: Limiter, key: string): Promise<void> {
    limiter.keys.delete(key)
    limiter.keys.add(key)
    if (limiter.keys.size <= this.#maxKeys) return
    const oldest = limiter.keys.values().next().value!
    limiter.keys.delete(oldest)
    for (const part of limiter.memory) await part.delete(oldest)
  }
}

/**
 * Counts in a window that ends by itself. The library's own script knows whole seconds alone; this one takes what it is
 * given for seconds as milliseconds.
 */
const windowScript = `
redis.call('set', KEYS[1], 0, 'PX', ARGV[2], 'NX')
local consumed = redis.call('incrby', KEYS[1], ARGV[1])
return {consumed, redis.call('pttl', KEYS[1])}`

/**
 * A token bucket made of two windows: half of the rate comes steadily, one at a time, and the other half is given out in
 * lumps of nearly the burst. A pause is followed by a full burst, a burst by a trickle instead of silence, and the long
 * run is the rate.
 */
function createLimiter(
  name: string,
  { perSecond, burst, by }: RateLimit,
  shared: SharedRateLimits | undefined,
): Limiter {
  const stride = 2 / perSecond
  const windows = [
    { points: 1, duration: stride },
    { points: burst - 1, duration: stride * Math.max(1, burst - 1) },
  ] as const
  const memory = windows.map((window) => new RateLimiterMemory({ keyPrefix: '', ...window })) as [Memory, Memory]
  const parts = (shared ? memory.map((limiter, i) => sharedLimiter(`${name}:${i}`, limiter, shared)) : memory) as [
    RateLimiterMemory,
    RateLimiterMemory,
  ]
  return {
    by,
    buckets: new BurstyRateLimiter(...parts),
    parts,
    memory,
    longestMs: memory[1].duration * 1000,
    keys: new Set(),
  }
}

type Memory = RateLimiterMemory

function sharedLimiter(
  name: string,
  memory: RateLimiterMemory,
  { client, prefix }: SharedRateLimits,
): RateLimiterRedis {
  return new RateLimiterRedis({
    storeClient: client,
    keyPrefix: `${prefix}${name}`,
    points: memory.points,
    duration: Math.ceil(memory.duration * 1000),
    customIncrTtlLuaScript: windowScript,
    rejectIfRedisNotReady: true,
    insuranceLimiter: memory,
  })
}
