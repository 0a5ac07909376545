import type { Logger, Metrics } from '@hearth/runtime'
import type { Database } from '../connection/database.ts'
import { DatabaseUnavailable } from '../connection/errors.ts'
import { eventIdOf } from '../tables/event-id-bytes.ts'
import { Batch } from './batch.ts'
import { CommitUnknown, PersisterOverloaded } from './commit-errors.ts'
import { runCommit, type CommitAnswer } from './commit-statement.ts'
import { committedBatch } from './committed-rooms.ts'
import { planCommit, type PlannedCommit } from './planned-commit.ts'
import type { CommitOutcome, CommittedBatch, RoomCommit } from './room-commit.ts'

/** Called with each transaction's changes, in position order, before the promises of its commits resolve. */
export type CommitListener = (batch: CommittedBatch) => void

export interface PersisterOptions {
  readonly db: Database
  readonly logger: Logger
  readonly metrics?: Metrics | undefined
  /** Beyond this many queued events further commits are refused; 5,000 when absent. */
  readonly maxQueuedEvents?: number | undefined
}

const MAX_BATCH_EVENTS = 500
/** Bounds the time that one batch holds the stream's lock. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024

interface Pending {
  readonly planned: PlannedCommit
  /** The client transactions in it: two commits with the same one are never in one batch. */
  readonly keys: readonly string[]
  readonly bytes: number
  readonly resolve: (outcome: CommitOutcome) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Writes events: one per process. While a batch is being committed everything else queues, and goes into the next one
 * together, so that a single event is written at once and many share a transaction (group commit).
 */
export class Persister {
  readonly #db: Database
  readonly #logger: Logger
  readonly #maxQueuedEvents: number
  readonly #listeners: CommitListener[] = []
  #queue: Pending[] = []
  #queuedEvents = 0
  #closing = false
  #drained: Promise<void> | undefined
  #recordBatch: (events: number) => void = () => undefined

  constructor(options: PersisterOptions) {
    this.#db = options.db
    this.#logger = options.logger
    this.#maxQueuedEvents = options.maxQueuedEvents ?? 5_000
    if (options.metrics !== undefined) this.#publish(options.metrics)
  }

  /** Events that wait for a batch. */
  get queuedEvents(): number {
    return this.#queuedEvents
  }

  /** Adds a listener, for the life of the process. It must not throw. */
  onCommitted(listener: CommitListener): void {
    this.#listeners.push(listener)
  }

  /**
   * Commits events of one room. Resolves when they are durable or certainly not written, after all listeners have seen
   * them.
   *
   * @throws PersisterOverloaded when too much is queued; nothing was written.
   * @throws CommitUnknown when the connection was lost meanwhile.
   * @throws DatabaseUnavailable when the database cannot be reached; nothing was written.
   */
  async commit(commit: RoomCommit): Promise<CommitOutcome> {
    if (this.#closing) throw new PersisterOverloaded('the server is stopping')
    if (this.#queuedEvents > 0 && this.#queuedEvents + commit.events.length > this.#maxQueuedEvents) {
      throw new PersisterOverloaded('too many events are waiting to be written')
    }
    const planned = planCommit(commit)
    const keys = planned.transactions.map(({ txn, key }) => `${txn.deviceNid} ${key.toString('latin1')}`)
    const duplicate = duplicateWithin(planned, keys)
    if (duplicate !== undefined) return duplicate
    const bytes = commit.events.reduce((sum, event) => sum + event.json.length, 0)
    return new Promise((resolve, reject) => {
      this.#queue.push({ planned, keys, bytes, resolve, reject })
      this.#queuedEvents += commit.events.length
      this.#drained ??= this.#drain()
    })
  }

  /** Refuses further commits and waits for those that are queued. */
  async close(): Promise<void> {
    this.#closing = true
    await this.#drained
  }

  async #drain(): Promise<void> {
    // Callers of the same turn share the first batch.
    await Promise.resolve()
    while (this.#queue.length > 0) await this.#run(this.#take())
    this.#drained = undefined
  }

  /** The next batch: in order, one commit per room and client transaction, within the limits. */
  #take(): Pending[] {
    const taken: Pending[] = []
    const left: Pending[] = []
    const rooms = new Set<number>()
    const keys = new Set<string>()
    let [events, bytes] = [0, 0]
    for (const [i, pending] of this.#queue.entries()) {
      const { commit } = pending.planned
      const fits = events + commit.events.length <= MAX_BATCH_EVENTS && bytes + pending.bytes <= MAX_BATCH_BYTES
      if (taken.length > 0 && !fits) {
        for (const later of this.#queue.slice(i)) left.push(later)
        break
      }
      if (rooms.has(commit.roomNid) || pending.keys.some((key) => keys.has(key))) {
        left.push(pending)
      } else {
        taken.push(pending)
        events += commit.events.length
        bytes += pending.bytes
        for (const key of pending.keys) keys.add(key)
      }
      rooms.add(commit.roomNid)
    }
    this.#queue = left
    this.#queuedEvents -= events
    return taken
  }

  async #run(taken: readonly Pending[]): Promise<void> {
    const batch = new Batch()
    let answer: CommitAnswer
    try {
      for (const pending of taken) batch.add(pending.planned)
      answer = await runCommit(this.#db, batch)
    } catch (error) {
      await this.#failed(taken, error)
      return
    }
    try {
      this.#notify(committedBatch(batch, answer))
      const outcomes = outcomesOf(batch, answer)
      taken.forEach((pending, i) => pending.resolve(outcomes[i]!))
    } catch (error) {
      this.#logger.error('a batch was written, but what became of it could not be told', { error })
      for (const pending of taken) pending.reject(new CommitUnknown(error))
    }
  }

  /** The statement was refused, so nothing of it was written, unless the connection was lost. */
  async #failed(taken: readonly Pending[], error: unknown): Promise<void> {
    const unavailable = error instanceof DatabaseUnavailable
    const [first] = taken
    if (!unavailable && taken.length > 1) {
      // One commit that PostgreSQL refuses must not take the others with it.
      for (const pending of taken) await this.#run([pending])
      return
    }
    const unknown = unavailable && error.outcome === 'unknown'
    this.#logger.warn('a commit failed', {
      error,
      commits: taken.length,
      roomNid: first?.planned.commit.roomNid,
      unknown,
    })
    for (const pending of taken) pending.reject(unknown ? new CommitUnknown(error) : error)
  }

  #notify(batch: CommittedBatch | undefined): void {
    if (batch === undefined) return
    this.#recordBatch(batch.events.length)
    for (const listener of this.#listeners) {
      try {
        listener(batch)
      } catch (error) {
        // The events are committed: their senders must hear so, whatever a listener does.
        this.#logger.error('a listener of the persister failed', { error })
      }
    }
  }

  #publish(metrics: Metrics): void {
    const batches = metrics.histogram({
      name: 'hearth_persister_batch_events',
      help: 'Events written per transaction',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    })
    const queued = metrics.gauge({ name: 'hearth_persister_queued_events', help: 'Events that wait to be written' })
    metrics.onRead(() => queued.set(this.#queuedEvents))
    this.#recordBatch = (events) => batches.observe(events)
  }
}

function duplicateWithin(planned: PlannedCommit, keys: readonly string[]): CommitOutcome | undefined {
  for (const [i, key] of keys.entries()) {
    const earlier = keys.indexOf(key)
    if (earlier === i) continue
    const first = planned.transactions[earlier]!.index
    const { eventId } = planned.commit.events[first]!
    return { kind: 'duplicate-txn', index: planned.transactions[i]!.index, nid: -(1 + first), eventId }
  }
  return undefined
}

function outcomesOf(batch: Batch, answer: CommitAnswer): CommitOutcome[] {
  const duplicates = new Map<number, CommitOutcome>()
  for (const { slot, nid, idBytes, flags } of answer.duplicates) {
    const { commitIndex, eventIndex } = batch.locate(slot)
    if (duplicates.has(commitIndex)) continue
    duplicates.set(commitIndex, { kind: 'duplicate-txn', index: eventIndex, nid, eventId: eventIdOf(idBytes, flags) })
  }
  return batch.planned.map(({ commit, headState }, i): CommitOutcome => {
    const shift = answer.shift[i] ?? null
    if (shift === null) return duplicates.get(i) ?? { kind: 'head-moved', lastPos: Math.max(0, answer.lastPos[i]!) }
    const firstPos = shift + batch.slot(i, 0)
    return {
      kind: 'committed',
      firstPos,
      lastPos: firstPos + commit.events.length - 1,
      stateNid: headState >= 0 ? headState : (commit.events[-headState - 1]!.nid ?? firstPos - headState - 1),
      prevPos: answer.prevPos,
    }
  })
}
