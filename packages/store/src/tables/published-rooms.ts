import type { RoomId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { statisticsColumns, type RoomStatisticsRow } from './room-statistics.ts'

/** A place in the list: just after or just before a room of that size and number. */
export interface PublishedRoomKey {
  readonly joined: number
  readonly roomNid: number
}

/** A part of the list. */
export interface PublishedRoomRange {
  /** `f`: what comes after the place, or the beginning of the list; `b`: what comes before it, nearest first. */
  readonly direction: 'f' | 'b'
  readonly from: PublishedRoomKey | undefined
  /** A part of what is searched, in lower case. */
  readonly searched: string | undefined
  /** null in the list stands for rooms without a type. */
  readonly roomTypes: readonly (string | null)[] | undefined
  readonly limit: number
}

/** A listed room. */
export interface PublishedRoomRow extends RoomStatisticsRow {
  readonly roomId: RoomId
}

/** Before all rooms: none has more members. */
const beginning: PublishedRoomKey = { joined: 2 ** 31 - 1, roomNid: 0 }

const matches = `-joined < 0 and ($4::text is null or position($4 in searched) > 0)
  and ($5::text[] is null or room_type = any($5) or ($6 and room_type is null))`

/** The rooms that are listed in the public directory: the largest first, those of the same size by age. */
export class PublishedRooms {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  async has(roomNid: number): Promise<boolean> {
    const rows = await this.#db.read('publishedRooms.has', 'select from published_rooms where room_nid = $1', [roomNid])
    return rows.length > 0
  }

  /** Those of these rooms that are listed. */
  async listAmong(roomNids: readonly number[]): Promise<Set<number>> {
    if (roomNids.length === 0) return new Set()
    const rows = await this.#db.read<{ nid: number }>(
      'publishedRooms.listAmong',
      'select room_nid as nid from published_rooms where room_nid = any($1)',
      [roomNids],
    )
    return new Set(rows.map(({ nid }) => nid))
  }

  /** How many there are in all. */
  async count(): Promise<number> {
    const rows = await this.#db.query<{ count: number }>(
      'publishedRooms.count',
      'select count(*) as count from published_rooms where -joined < 0',
    )
    return rows[0]!.count
  }

  /**
   * A part of the list, without rooms that nobody is in. A search reads on until it has found enough: what it reads of each
   * room is short, and the list is all that it can come to.
   */
  async list({ direction, from, searched, roomTypes, limit }: PublishedRoomRange): Promise<PublishedRoomRow[]> {
    const { joined, roomNid } = from ?? beginning
    const [comparison, order] = direction === 'f' ? ['>', 'asc'] : ['<', 'desc']
    return this.#db.query<PublishedRoomRow>(
      `publishedRooms.list.${direction}`,
      `select ${statisticsColumns}, rooms.room_id as "roomId"
         from (select room_nid, -joined as smallness from published_rooms
                where (-joined, room_nid) ${comparison} (-$1::int, $2::int) and ${matches}
                order by -joined ${order}, room_nid ${order} limit $3) p
         join room_statistics s using (room_nid)
         join rooms on rooms.nid = room_nid
        where not rooms.deleting order by smallness ${order}, room_nid ${order}`,
      [
        joined,
        roomNid,
        limit,
        searched ?? null,
        roomTypes?.filter((type) => type !== null) ?? null,
        roomTypes?.includes(null) ?? false,
      ],
    )
  }

  /** Lists a room; `follow` puts it in its place. */
  async insert(roomNid: number): Promise<void> {
    await this.#db.execute(
      'publishedRooms.insert',
      'insert into published_rooms (room_nid) values ($1) on conflict do nothing',
      [roomNid],
    )
  }

  /**
   * Puts those of these rooms that are listed where their statistics say. It goes after writing the statistics, and in the
   * same transaction: whoever lists a room meanwhile holds the statistics' row.
   */
  async follow(roomNids: readonly number[]): Promise<void> {
    await this.#db.execute(
      'publishedRooms.follow',
      `update published_rooms p set joined = s.joined, room_type = s.room_type, searched = s.searched
         from room_statistics s
        where s.room_nid = any($1) and p.room_nid = s.room_nid
          and (p.joined, p.room_type, p.searched) is distinct from (s.joined, s.room_type, s.searched)`,
      [roomNids],
    )
  }

  async delete(roomNid: number): Promise<void> {
    await this.#db.execute('publishedRooms.delete', 'delete from published_rooms where room_nid = $1', [roomNid])
  }
}
