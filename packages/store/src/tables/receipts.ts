import type { EventId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { eventIdOf } from './event-id-bytes.ts'

/** What a receipt tells: that somebody has read, or that they alone are to know. */
export type ReceiptType = 'm.read' | 'm.read.private'

/** How far a user has read in a room, or in one of its threads. */
export interface ReceiptRow {
  readonly pos: number
  readonly roomNid: number
  readonly userNid: number
  readonly type: ReceiptType
  /** null: unthreaded; else `main` or the id of the thread's root. */
  readonly threadId: string | null
  readonly eventNid: number
  /** Where the event stands in the stream. */
  readonly eventPos: number
  readonly eventId: EventId
  /** When it was sent, in milliseconds. */
  readonly ts: number
}

/** What became of receipts that were to move. */
export interface AdvancedReceipts {
  /** The positions that were taken, of which some may hold nothing. */
  readonly firstPos: number
  readonly count: number
  /** Those that moved, by their index among the given ones. */
  readonly moved: readonly { readonly index: number; readonly pos: number }[]
}

type StoredRow = Omit<ReceiptRow, 'eventId'> & { id: Buffer; flags: number }

const columns = `t.pos, t.room_nid as "roomNid", t.user_nid as "userNid", t.type, t.thread_id as "threadId",
  t.event_nid as "eventNid", t.event_pos as "eventPos", t.ts, e.event_id as id, e.flags`

/** Receipts; of each user, room, type and thread the latest. */
export class Receipts {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Moves receipts forward, at the next stream positions. Resolves to those that moved, in the order of their positions;
   * the others were there or further.
   */
  async advance(rows: readonly Omit<ReceiptRow, 'pos' | 'eventId'>[]): Promise<AdvancedReceipts> {
    const written = await this.#db.query<{ firstPos: number; count: number; index: number | null; pos: number }>(
      'receipts.advance',
      `with wanted as materialized (
         select distinct on (room_nid, user_nid, type, thread_id) *
           from unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
                with ordinality w (room_nid, user_nid, type, thread_id, event_nid, event_pos, ts, i)
          order by room_nid, user_nid, type, thread_id, event_pos desc
       ), news as materialized (
         select w.*, row_number() over () as n from wanted w
          where not exists (select from receipts r
                             where r.room_nid = w.room_nid and r.user_nid = w.user_nid and r.type = w.type
                               and r.thread_id is not distinct from w.thread_id and r.event_pos >= w.event_pos)
       ), total as materialized (
         select count(*) as n from news
       ), head as (
         update stream_head set pos = pos + (select n from total) where (select n from total) > 0 returning pos
       ), written as (
         insert into receipts as t (pos, room_nid, user_nid, type, thread_id, event_nid, event_pos, ts)
         select head.pos - total.n + news.n, room_nid, user_nid, type, thread_id, event_nid, event_pos, ts
           from news, total, head
         on conflict on constraint receipts_key do update
           set pos = excluded.pos, event_nid = excluded.event_nid, event_pos = excluded.event_pos, ts = excluded.ts
           -- Two at once: the one that comes second may be behind.
           where t.event_pos < excluded.event_pos
         returning pos
       )
       select head.pos - total.n + 1 as "firstPos", total.n as count, news.i - 1 as index, written.pos
         from head cross join total
         left join written on true left join news on news.n = written.pos - head.pos + total.n
        order by written.pos`,
      [
        rows.map(({ roomNid }) => roomNid),
        rows.map(({ userNid }) => userNid),
        rows.map(({ type }) => type),
        rows.map(({ threadId }) => threadId),
        rows.map(({ eventNid }) => eventNid),
        rows.map(({ eventPos }) => eventPos),
        rows.map(({ ts }) => ts),
      ],
    )
    const [first] = written
    if (!first) return { firstPos: 0, count: 0, moved: [] }
    const moved = written.flatMap(({ index, pos }) => (index === null ? [] : [{ index, pos }]))
    return { firstPos: first.firstPos, count: first.count, moved }
  }

  /** All receipts of a user in some rooms. */
  async listByUser(userNid: number, roomNids: readonly number[]): Promise<ReceiptRow[]> {
    if (roomNids.length === 0) return []
    return this.#read(
      'receipts.listByUser',
      `select ${columns} from receipts t join events e on e.nid = t.event_nid
        where t.room_nid = any($1::int[]) and t.user_nid = $2`,
      [roomNids, userNid],
    )
  }

  /**
   * What a user may see of the receipts that rooms were sent at positions after one and up to another: of each room the
   * newest `limit`, in the order of positions, and their own wherever they are.
   */
  async listChanged(
    userNid: number,
    roomNids: readonly number[],
    range: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): Promise<ReceiptRow[]> {
    if (roomNids.length === 0) return []
    return this.#read(
      'receipts.listChanged',
      `select ${columns} from unnest($1::int[]) r (nid)
         cross join lateral (
           (select * from receipts where room_nid = r.nid and pos > $3 and pos <= $4 and type <> 'm.read.private'
             order by room_nid desc, pos desc limit $5)
           union
           (select * from receipts where room_nid = r.nid and user_nid = $2 and pos > $3 and pos <= $4
             order by pos desc limit $5)
         ) t
         join events e on e.nid = t.event_nid
        order by t.pos`,
      [roomNids, userNid, range.after, range.upTo, range.limit],
    )
  }

  /** What anybody sent at positions after one and up to another, in order; at most `limit`. */
  async listByPosition(after: number, upTo: number, limit: number): Promise<ReceiptRow[]> {
    return this.#read(
      'receipts.listByPosition',
      `select ${columns} from (select * from receipts where pos > $1 and pos <= $2 order by pos limit $3) t
         join events e on e.nid = t.event_nid
        order by t.pos`,
      [after, upTo, limit],
    )
  }

  async #read(name: string, text: string, values: readonly (number | readonly number[])[]): Promise<ReceiptRow[]> {
    const rows = await this.#db.read<StoredRow>(name, text, values)
    return rows.map(({ id, flags, ...row }) => ({ ...row, eventId: eventIdOf(id, flags) }))
  }
}
