import { backoffDelay, type Clock, type Logger } from '@hearth/runtime'
import type { Database } from '../connection/database.ts'
import type { StreamChange, Streams } from '../streams/streams.ts'
import { Tables } from '../tables.ts'
import { ConsumerCursors } from '../tables/consumer-cursors.ts'
import type { StreamConsumer } from './stream-consumer.ts'

export interface ConsumerRunDeps<Change extends StreamChange> {
  readonly consumer: StreamConsumer<Change>
  readonly db: Database
  readonly streams: Streams<Change>
  readonly clock: Clock
  readonly logger: Logger
  /** How often to look at the stream without having been told to, in milliseconds. */
  readonly pollMs: number
}

const DEFAULT_BATCH = 500
const DEFAULT_LINGER_MS = 100
const BACKOFF = { baseMs: 500, maxMs: 60_000 }

/** One consumer at work in this process. */
export class ConsumerRun<Change extends StreamChange> {
  readonly #deps: ConsumerRunDeps<Change>
  readonly #cursors: ConsumerCursors
  readonly #stop = new AbortController()
  #nap = new AbortController()
  #woken = false
  #position = 0
  #done: Promise<void> | undefined

  constructor(deps: ConsumerRunDeps<Change>) {
    this.#deps = deps
    this.#cursors = new ConsumerCursors(deps.db)
  }

  get consumer(): StreamConsumer<Change> {
    return this.#deps.consumer
  }

  /** How far it has come, as far as this process knows. */
  get position(): number {
    return this.#position
  }

  start(): void {
    this.#done ??= this.#run()
  }

  /** There is something new. */
  wake(): void {
    // Told of every commit, while it takes them page by page.
    if (this.#woken) return
    this.#woken = true
    this.#nap.abort()
  }

  /** Ends after the batch that it is working on. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#nap.abort()
    await this.#done
  }

  async #run(): Promise<void> {
    const { consumer, clock, logger } = this.#deps
    for (let failures = 0; !this.#stop.signal.aborted;) {
      try {
        this.#woken = false
        const more = await this.#step()
        failures = 0
        if (!more) await this.#idle()
      } catch (error) {
        const delayMs = backoffDelay(failures++, BACKOFF)
        logger.error('a consumer of the stream failed', { error, consumer: consumer.name, failures, delayMs })
        await clock.sleep(delayMs, this.#stop.signal).catch(() => undefined)
      }
    }
  }

  /** Hands over one batch; resolves to whether there is more. */
  async #step(): Promise<boolean> {
    const { consumer, db, streams } = this.#deps
    const head = await streams.position()
    if (this.#position === 0) {
      await this.#cursors.insert(consumer.name, consumer.startAt === 'head' ? head : 0)
    }
    if (this.#position >= head && this.#position > 0) return false
    const reached = await db.transaction(async (tx) => {
      const cursors = new ConsumerCursors(tx)
      const after = await cursors.lock(consumer.name)
      // Another process is at work on it.
      if (after === undefined) return undefined
      if (after >= head) return after
      const limit = consumer.batchSize ?? DEFAULT_BATCH
      const { changes, upTo } = consumer.stateOnly
        ? await streams.readStateChanges(after, head, limit)
        : await streams.readChanges(after, head, limit)
      if (changes.length > 0) await consumer.handle({ after, upTo, changes }, new Tables(tx))
      await cursors.move(consumer.name, upTo)
      return upTo
    })
    if (reached === undefined) return false
    this.#position = reached
    consumer.committed?.()
    return reached < head
  }

  async #idle(): Promise<void> {
    const { consumer, clock, pollMs } = this.#deps
    if (!this.#woken && !this.#stop.signal.aborted) {
      this.#nap = new AbortController()
      await clock.sleep(pollMs, this.#nap.signal).catch(() => undefined)
    }
    if (!this.#woken || this.#stop.signal.aborted) return
    await clock.sleep(consumer.lingerMs ?? DEFAULT_LINGER_MS, this.#stop.signal).catch(() => undefined)
  }
}
