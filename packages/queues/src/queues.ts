import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Clock, Logger, Metrics } from '@hearth/runtime'
import type { Bus } from './bus.ts'
import type { JobQueue } from './job-queue.ts'
import { LocalBus } from './local-bus.ts'
import { LocalJobQueue } from './local-job-queue.ts'
import type { RedisConnection } from './redis-connection.ts'

/** A connection that rate limits are counted over, for the library that counts them. */
export type RateLimitClient = Redis

/** Where rate limits are counted that hold for all processes together. */
export interface SharedRateLimits {
  readonly client: RateLimitClient
  /** Begins the names of all keys. */
  readonly prefix: string
}

export interface QueuesOptions {
  /** A Redis; without one this process is the only one. */
  readonly redisUrl?: string | undefined
  /** Tells this deployment from all others that may share the Redis. */
  readonly deployment: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

interface Parts {
  readonly bus: Bus
  readonly jobQueue: JobQueue
  readonly limits?: { readonly connection: RedisConnection; readonly prefix: string }
}

const connectWaitMs = 2_000
/** Requests wait for it. */
const limitTimeoutMs = 250

/** What the processes of a deployment share besides the database. */
export class Queues {
  readonly bus: Bus
  readonly jobQueue: JobQueue
  /** Absent where this process counts for itself. */
  readonly rateLimits: SharedRateLimits | undefined
  readonly #limits: RedisConnection | undefined

  private constructor({ bus, jobQueue, limits }: Parts) {
    this.bus = bus
    this.jobQueue = jobQueue
    this.#limits = limits?.connection
    this.rateLimits = limits && { client: limits.connection.client, prefix: limits.prefix }
  }

  /** Makes them, without waiting for a connection. What talks to Redis is loaded only where there is one. */
  static async create({ redisUrl: url, deployment, ...deps }: QueuesOptions): Promise<Queues> {
    if (url === undefined) return new Queues({ bus: new LocalBus(deps), jobQueue: new LocalJobQueue() })
    const { RedisBus, RedisConnection, RedisJobQueue } = await import('./over-redis.ts')
    const prefix = `hearth:${createHash('sha256').update(deployment).digest('base64url').slice(0, 12)}:`
    const connection = new RedisConnection({ ...deps, url, name: 'limits', timeoutMs: limitTimeoutMs })
    return new Queues({
      bus: new RedisBus({ ...deps, url, prefix }),
      jobQueue: new RedisJobQueue({ ...deps, url, prefix }),
      limits: { connection, prefix: `${prefix}limit:` },
    })
  }

  /** Connects. Where that takes too long it goes on in the background. */
  async begin(): Promise<void> {
    await Promise.all([this.bus.begin(), this.#limits?.open(connectWaitMs)])
  }

  async end(): Promise<void> {
    this.#limits?.close()
    await Promise.all([this.bus.end(), this.jobQueue.end()])
  }
}
