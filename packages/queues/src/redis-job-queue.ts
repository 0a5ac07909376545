import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import type { Clock, Logger, Timer } from '@hearth/runtime'
import type { JobQueue } from './job-queue.ts'
import { redisOptions } from './redis-connection.ts'

export interface RedisJobQueueDeps {
  readonly url: string
  /** Begins the names of everything in Redis; no other deployment has the same. */
  readonly prefix: string
  readonly clock: Clock
  readonly logger: Logger
}

const name = 'due'
/** Wishes that are closer together than this are one. */
const gatherMs = 5
/** Calls for somebody to look that are on their way to Redis; beyond it, whoever looks by itself will find the work. */
const maxUnanswered = 100
const closeMs = 500

/** The queue of several processes: BullMQ calls one of those that take part. */
export class RedisJobQueue implements JobQueue {
  readonly isShared = true
  readonly #deps: RedisJobQueueDeps
  readonly #client: Redis
  readonly #queue: Queue
  #workerClient: Redis | undefined
  #worker: Worker | undefined
  #timer: Timer | undefined
  #unanswered = 0
  #isAway = false
  #ended = false

  constructor(deps: RedisJobQueueDeps) {
    this.#deps = deps
    this.#client = new Redis(deps.url, { ...redisOptions, lazyConnect: false, connectionName: 'hearth-jobs' })
    this.#client.on('error', (error) => this.#away(error))
    this.#queue = new Queue(name, {
      connection: this.#client,
      prefix: `${deps.prefix}jobs`,
      skipMetasUpdate: true,
      skipVersionCheck: true,
    })
    this.#queue.on('error', (error) => this.#away(error))
  }

  wake(): void {
    this.#timer ??= this.#deps.clock.setTimer(gatherMs, () => {
      this.#timer = undefined
      this.#call()
    })
  }

  async takePart(onWake: () => void): Promise<void> {
    // It waits for work in one long command, on a connection that is made after this one.
    const { commandTimeout: _commandTimeout, ...options } = redisOptions
    this.#workerClient = new Redis(this.#deps.url, {
      ...options,
      lazyConnect: false,
      maxRetriesPerRequest: null,
      connectionName: 'hearth-jobs-worker',
    })
    this.#workerClient.on('error', (error) => this.#away(error))
    this.#worker = new Worker(
      name,
      async () => {
        onWake()
      },
      {
        connection: this.#workerClient,
        prefix: `${this.#deps.prefix}jobs`,
        skipVersionCheck: true,
        skipStalledCheck: true,
      },
    )
    this.#worker.on('error', (error) => this.#away(error))
    this.#worker.on('ready', () => (this.#isAway = false))
  }

  async end(): Promise<void> {
    this.#ended = true
    this.#timer?.cancel()
    const closed = Promise.all([this.#worker?.close(true), this.#queue.close()]).catch(() => undefined)
    const over = new AbortController()
    await Promise.race([closed, this.#deps.clock.sleep(closeMs, over.signal).catch(() => undefined)])
    over.abort()
    this.#client.disconnect()
    this.#workerClient?.disconnect()
  }

  #call(): void {
    if (this.#ended || this.#unanswered >= maxUnanswered) return
    this.#unanswered += 1
    this.#queue
      .add('look', {}, { removeOnComplete: true, removeOnFail: true })
      .then(() => (this.#isAway = false))
      .catch((error: unknown) => this.#away(error))
      .finally(() => (this.#unanswered -= 1))
  }

  #away(error: unknown): void {
    if (this.#isAway || this.#ended) return
    this.#isAway = true
    this.#deps.logger.warn('work cannot be handed out over Redis; every process looks for it by itself', { error })
  }
}
