import { LruCache, type Metrics } from '@hearth/runtime'
import type { Database } from '../connection/database.ts'
import type { CommittedBatch } from '../persister/room-commit.ts'
import { Events, type EventRow } from './events.ts'

export interface CachedEventsDeps {
  readonly db: Database
  readonly metrics?: Metrics | undefined
  /** How much memory rows may take; 64 MiB when absent. */
  readonly maxBytes?: number | undefined
}

/** What a row takes besides its JSON. */
const ROW_BYTES = 300

/** Events, those that were read or written lately from memory. A row never changes, but for its redaction. */
export class CachedEvents extends Events {
  readonly #rows: LruCache<number, EventRow>
  #redactions = 0

  constructor(deps: CachedEventsDeps) {
    super(deps.db)
    this.#rows = new LruCache({
      name: 'events',
      maxBytes: deps.maxBytes ?? 64 * 1024 * 1024,
      sizeOf: ({ json }) => ROW_BYTES + json.length,
      ...(deps.metrics && { metrics: deps.metrics }),
    })
  }

  /** An event that is in memory. */
  peek(nid: number): EventRow | undefined {
    return this.#rows.get(nid)
  }

  override async findByNids(nids: readonly number[]): Promise<EventRow[]> {
    const found = new Map<number, EventRow>()
    const missing: number[] = []
    for (const nid of nids) {
      const row = this.#rows.get(nid)
      if (row === undefined) missing.push(nid)
      else found.set(nid, row)
    }
    for (const row of await super.findByNids(missing)) found.set(row.nid, row)
    return nids.flatMap((nid) => found.get(nid) ?? [])
  }

  /** Takes over what was committed. */
  applyCommitted(batch: CommittedBatch): void {
    for (const { nid, pos, roomNid, stateNid, currentStateNid, replacesNid, event } of batch.events) {
      const { eventId, json, typeNid, stateKeyNid, senderNid, flags, depth, ts, redactedBy = null } = event
      const keys = { nid, streamPos: pos, roomNid, typeNid, stateKeyNid, senderNid, stateNid, currentStateNid }
      // What came late may have been redacted before.
      if (event.isLate === true) this.#rows.delete(nid)
      else this.#rows.set(nid, { ...keys, flags, depth, ts, eventId, json, redactedBy, replacesNid })
    }
    // After the events: one of them may be redacted by another.
    this.forget(batch.events.flatMap(({ redactedNid }) => redactedNid ?? []))
  }

  /** Drops events that were redacted, here or by another process. */
  forget(nids: readonly number[]): void {
    if (nids.length === 0) return
    this.#redactions++
    for (const nid of nids) this.#rows.delete(nid)
  }

  protected override async read(...statement: Parameters<Events['read']>): Promise<EventRow[]> {
    const before = this.#redactions
    const rows = await super.read(...statement)
    // What was read before a redaction must not be remembered after it.
    if (before === this.#redactions) for (const row of rows) this.#rows.set(row.nid, row)
    return rows
  }
}
