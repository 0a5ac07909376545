import type { Queryable } from '../connection/queryable.ts'
import { int4Array, int8Array, textArray } from '../persister/binary-array.ts'

/** What somebody has not read of one thread of a room. */
export interface UnreadCountRow {
  readonly userNid: number
  readonly roomNid: number
  /** `main` or the id of the thread's root. */
  readonly threadId: string
  readonly notifications: number
  readonly highlights: number
  /** Where the last event that counts stands in the stream. */
  readonly lastPos: number
}

/** How far somebody has read: a thread of a room, or all of it (null). */
export interface ReadUpTo {
  readonly userNid: number
  readonly roomNid: number
  readonly threadId: string | null
  readonly pos: number
}

const columns = `u.user_nid as "userNid", u.room_nid as "roomNid", u.thread_id as "threadId", u.notifications,
  u.highlights, u.last_pos as "lastPos"`
const range = 'unnest($1::int[], $2::int[], $3::text[], $4::bigint[]) r (user_nid, room_nid, thread_id, pos)'
const inRange = `u.user_nid = r.user_nid and u.room_nid = r.room_nid
  and (r.thread_id is null or u.thread_id = r.thread_id)`

/** Counts of what users have not read, kept by the consumer of that name. */
export class UnreadCounts {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** What a user has not read, and up to which position that is known; 0 before the consumer ever ran. */
  async load(userNid: number, consumer: string): Promise<{ readonly pos: number; readonly rows: UnreadCountRow[] }> {
    const rows = await this.#db.read<{ pos: number } & (UnreadCountRow | { userNid: null })>(
      'unreadCounts.load',
      `select c.pos, ${columns} from consumer_cursor c left join unread_counts u on u.user_nid = $1 where c.name = $2`,
      [userNid, consumer],
    )
    return {
      pos: rows[0]?.pos ?? 0,
      rows: rows.filter((row): row is typeof row & UnreadCountRow => row.userNid !== null),
    }
  }

  /** Deletes the counts of threads that were read to their last event that counts. */
  async clear(ranges: readonly ReadUpTo[]): Promise<void> {
    if (ranges.length === 0) return
    await this.#db.execute(
      'unreadCounts.clear',
      `delete from unread_counts u using ${range} where ${inRange} and u.last_pos <= r.pos`,
      columnsOf(ranges),
    )
  }

  /** The counts of threads, however far they were read. */
  async listIn(ranges: readonly ReadUpTo[]): Promise<UnreadCountRow[]> {
    if (ranges.length === 0) return []
    return this.#db.read<UnreadCountRow>(
      'unreadCounts.listIn',
      `select distinct ${columns} from ${range} join unread_counts u on ${inRange}`,
      columnsOf(ranges),
    )
  }

  /** Adds to counts; those of rooms that are gone are left out. */
  async add(rows: readonly UnreadCountRow[]): Promise<void> {
    if (rows.length === 0) return
    await this.#db.execute(
      'unreadCounts.add',
      `insert into unread_counts as u (user_nid, room_nid, thread_id, last_pos, notifications, highlights)
       select n.* from unnest($1::int[], $2::int[], $3::text[], $4::bigint[], $5::int[], $6::int[])
                  n (user_nid, room_nid, thread_id, last_pos, notifications, highlights)
        where exists (select from rooms where nid = n.room_nid)
        order by n.user_nid, n.room_nid, n.thread_id
       on conflict (user_nid, room_nid, thread_id) do update
         set notifications = u.notifications + excluded.notifications, highlights = u.highlights + excluded.highlights,
             last_pos = excluded.last_pos`,
      [
        ...columnsOf(rows.map(({ lastPos, ...row }) => ({ ...row, pos: lastPos }))),
        int4Array(rows.map(({ notifications }) => notifications)),
        int4Array(rows.map(({ highlights }) => highlights)),
      ],
    )
  }
}

function columnsOf(ranges: readonly ReadUpTo[]): Buffer[] {
  return [
    int4Array(ranges.map(({ userNid }) => userNid)),
    int4Array(ranges.map(({ roomNid }) => roomNid)),
    textArray(ranges.map(({ threadId }) => threadId)),
    int8Array(ranges.map(({ pos }) => pos)),
  ]
}
