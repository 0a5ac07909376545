import { Redis } from 'ioredis'
import type { Clock, Logger, Timer } from '@hearth/runtime'

export interface RedisConnectionDeps {
  readonly url: string
  /** What the connection is for, as Redis's `client list` shows it. */
  readonly name: string
  /** How long an answer may take, in milliseconds; a second when absent. */
  readonly timeoutMs?: number
  readonly clock: Clock
  readonly logger: Logger
}

/** An answer takes less than a millisecond; who has none after this time gets none. */
const commandTimeoutMs = 1_000
const connectTimeoutMs = 2_000
const maxReconnectMs = 1_000
/** How often to look whether the other end is still there, which a dead network does not tell. */
const pingMs = 2_000

/** How every connection to Redis is made: nothing waits for one that is away, nothing is kept for it. */
export const redisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  commandTimeout: commandTimeoutMs,
  connectTimeout: connectTimeoutMs,
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 10), maxReconnectMs),
}

/** A connection to Redis that is made anew whenever it breaks. Redis away is a state, not an error. */
export class RedisConnection {
  readonly client: Redis
  readonly #deps: RedisConnectionDeps
  #pinging: Timer | undefined
  #isAway = false
  #closed = false

  constructor(deps: RedisConnectionDeps) {
    this.#deps = deps
    this.client = new Redis(deps.url, {
      ...redisOptions,
      commandTimeout: deps.timeoutMs ?? commandTimeoutMs,
      connectionName: `hearth-${deps.name}`,
    })
    this.client.on('error', (error) => this.#away(error))
    this.client.on('ready', () => this.#back())
  }

  get isReady(): boolean {
    return this.client.status === 'ready'
  }

  /** Calls back whenever the connection has been made. */
  onReady(listener: () => void): void {
    this.client.on('ready', listener)
  }

  /** Begins to connect, and waits for it for at most so many milliseconds. */
  async open(waitMs: number): Promise<void> {
    const over = new AbortController()
    const ready = new Promise<void>((resolve) => this.client.once('ready', resolve))
    // It goes on trying by itself.
    this.client.connect().catch(() => undefined)
    await Promise.race([ready, this.#deps.clock.sleep(waitMs, over.signal).catch(() => undefined)])
    over.abort()
    this.#pingLater()
  }

  close(): void {
    this.#closed = true
    this.#pinging?.cancel()
    this.client.disconnect()
  }

  #pingLater(): void {
    if (this.#closed) return
    this.#pinging = this.#deps.clock.setTimer(pingMs, () => {
      void this.#ping().then(() => this.#pingLater())
    })
  }

  async #ping(): Promise<void> {
    if (!this.isReady) return
    try {
      await this.client.ping()
    } catch (error) {
      this.#away(error)
      if (!this.#closed) this.client.disconnect(true)
    }
  }

  #away(error: unknown): void {
    if (this.#isAway || this.#closed) return
    this.#isAway = true
    const { logger, name } = this.#deps
    logger.warn('Redis cannot be reached; this process goes on by itself', { error, connection: name })
  }

  #back(): void {
    if (!this.#isAway) return
    this.#isAway = false
    this.#deps.logger.info('connected to Redis again', { connection: this.#deps.name })
  }
}
