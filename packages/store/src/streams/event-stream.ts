import type { Queryable } from '../connection/queryable.ts'
import type { CachedEvents } from '../tables/cached-events.ts'
import { eventColumns, eventOf, type EventRow, type StoredEventRow } from '../tables/events.ts'
import type { StreamSource } from './streams.ts'

/** An event that became part of a room's timeline. */
export interface EventStreamChange {
  readonly kind: 'event'
  readonly pos: number
  readonly event: EventRow
  /** For a state event: the room's state before it. */
  readonly stateBeforeNid: number | null
  /** For a redaction that took effect: the event that it redacted. */
  readonly redactedNid: number | null
  /** The client transaction that made it. */
  readonly txn: { readonly deviceNid: number; readonly txnId: string } | null
}

interface Row extends StoredEventRow {
  stateBeforeNid: number | null
  redactedNid: number | null
  deviceNid: number | null
  txnId: string | null
}

const everything = listing('')
const stateChanges = listing('and (skey_nid is not null or exists (select from redactions r where r.nid = events.nid))')

/** Reads what of the stream `condition` holds for. Most events have their position for a number; those that do not have an index. */
function listing(condition: string): string {
  return `select ${eventColumns}, s.base_nid as "stateBeforeNid", r.target_nid as "redactedNid", t.device_nid as "deviceNid",
              t.txn_id as "txnId"
         from (select * from ((select * from events where nid > $1 and nid <= $2 and stream_pos = nid ${condition}
                                order by nid limit $3)
               union all
               (select * from events where stream_pos > $1 and stream_pos <= $2 and stream_pos > 0 and stream_pos <> nid
                 ${condition} order by stream_pos limit $3)) of_both order by stream_pos limit $3) e
         left join state_events s on s.room_nid = e.room_nid and s.nid = e.nid
         left join redactions r on r.nid = e.nid
         left join client_txn t on t.nid = e.nid
        order by e.stream_pos`
}

/** The events of the stream, as other processes (and this one, for what it missed) read them. */
export class EventStream implements StreamSource<EventStreamChange> {
  readonly kind = 'event'
  readonly #db: Queryable
  readonly #cache: CachedEvents

  constructor(deps: { readonly db: Queryable; readonly cache: CachedEvents }) {
    this.#db = deps.db
    this.#cache = deps.cache
  }

  list(after: number, upTo: number, limit: number): Promise<EventStreamChange[]> {
    return this.#read('eventStream.list', everything, [after, upTo, limit])
  }

  /** State events and redactions. */
  listStateChanges(after: number, upTo: number, limit: number): Promise<EventStreamChange[]> {
    return this.#read('eventStream.listStateChanges', stateChanges, [after, upTo, limit])
  }

  async #read(name: string, text: string, values: readonly number[]): Promise<EventStreamChange[]> {
    const rows = await this.#db.read<Row>(name, text, values)
    const changes = rows.map((row): EventStreamChange => {
      const { stateBeforeNid, redactedNid, deviceNid, txnId, ...stored } = row
      const txn = deviceNid === null || txnId === null ? null : { deviceNid, txnId }
      return { kind: 'event', pos: row.streamPos!, event: eventOf(stored), stateBeforeNid, redactedNid, txn }
    })
    // Another process may have written them: what this one remembers of their targets is out of date.
    this.#cache.forget(changes.flatMap(({ redactedNid }) => redactedNid ?? []))
    return changes
  }
}
