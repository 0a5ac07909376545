import type { Queryable } from '../connection/queryable.ts'

export interface RoomStatisticsRow {
  readonly roomNid: number
  /** The stream position that it tells of. */
  readonly pos: number
  readonly joined: number
  readonly invited: number
  readonly worldReadable: boolean
  readonly guestCanJoin: boolean
  readonly joinRule: string | null
  readonly name: string | null
  readonly topic: string | null
  readonly avatarUrl: string | null
  readonly canonicalAlias: string | null
  readonly roomType: string | null
  /** What a search in the directory looks at, in lower case. */
  readonly searched: string
}

/** The columns of the table `s` that make a row. */
export const statisticsColumns = `s.room_nid as "roomNid", s.pos, s.joined, s.invited,
  s.world_readable as "worldReadable", s.guest_can_join as "guestCanJoin", s.join_rule as "joinRule", s.name, s.topic,
  s.avatar_url as "avatarUrl", s.canonical_alias as "canonicalAlias", s.room_type as "roomType", s.searched`

/** What the directory shows of rooms, derived from their current state. */
export class RoomStatistics {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Writes a room's row, unless a later one is there. */
  async upsert(row: RoomStatisticsRow): Promise<void> {
    await this.#db.execute(
      'roomStatistics.upsert',
      `insert into room_statistics (room_nid, pos, joined, invited, world_readable, guest_can_join, join_rule, name, topic,
         avatar_url, canonical_alias, room_type, searched)
       select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 where exists (select from rooms where nid = $1)
       on conflict (room_nid) do update set pos = excluded.pos, joined = excluded.joined, invited = excluded.invited,
         world_readable = excluded.world_readable, guest_can_join = excluded.guest_can_join,
         join_rule = excluded.join_rule, name = excluded.name, topic = excluded.topic, avatar_url = excluded.avatar_url,
         canonical_alias = excluded.canonical_alias, room_type = excluded.room_type, searched = excluded.searched
         where room_statistics.pos <= excluded.pos`,
      [
        row.roomNid,
        row.pos,
        row.joined,
        row.invited,
        row.worldReadable,
        row.guestCanJoin,
        row.joinRule,
        row.name,
        row.topic,
        row.avatarUrl,
        row.canonicalAlias,
        row.roomType,
        row.searched,
      ],
    )
  }

  async find(roomNid: number): Promise<RoomStatisticsRow | undefined> {
    const rows = await this.#db.read<RoomStatisticsRow>(
      'roomStatistics.find',
      `select ${statisticsColumns} from room_statistics s where s.room_nid = $1`,
      [roomNid],
    )
    return rows[0]
  }

  /** How many users are joined to each of these rooms, where that has been counted. */
  async countJoined(roomNids: readonly number[]): Promise<Map<number, number>> {
    if (roomNids.length === 0) return new Map()
    const rows = await this.#db.read<{ roomNid: number; joined: number }>(
      'roomStatistics.countJoined',
      'select room_nid as "roomNid", joined from room_statistics where room_nid = any($1)',
      [roomNids],
    )
    return new Map(rows.map(({ roomNid, joined }) => [roomNid, joined]))
  }
}
