import type { RoomAlias } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'

export interface RoomAliasRow {
  readonly alias: RoomAlias
  readonly roomNid: number
  /** Who made it, in the dictionary of users. */
  readonly creatorNid: number
  /** Milliseconds since the epoch. */
  readonly createdTs: number
}

const columns = 'alias, room_nid as "roomNid", creator_nid as "creatorNid", created_ts as "createdTs"'

/** The names that this server gives to rooms. Names that differ only in case are one; the first spelling is kept. */
export class RoomAliases {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  async find(alias: RoomAlias): Promise<RoomAliasRow | undefined> {
    const rows = await this.#db.read<RoomAliasRow>(
      'roomAliases.find',
      `select ${columns} from room_aliases where folded = $1`,
      [alias.toLowerCase()],
    )
    return rows[0]
  }

  /** The rooms of those of these aliases that there are. */
  async findRooms(aliases: readonly RoomAlias[]): Promise<Map<RoomAlias, number>> {
    if (aliases.length === 0) return new Map()
    const rows = await this.#db.read<{ folded: string; roomNid: number }>(
      'roomAliases.findRooms',
      'select folded, room_nid as "roomNid" from room_aliases where folded = any($1)',
      [aliases.map((alias) => alias.toLowerCase())],
    )
    const rooms = new Map(rows.map(({ folded, roomNid }) => [folded, roomNid]))
    return new Map(
      aliases.flatMap((alias) => {
        const roomNid = rooms.get(alias.toLowerCase())
        return roomNid === undefined ? [] : [[alias, roomNid] as const]
      }),
    )
  }

  /** How many aliases a user has made that still are. */
  async countByCreator(creatorNid: number): Promise<number> {
    const rows = await this.#db.read<{ count: number }>(
      'roomAliases.countByCreator',
      'select count(*) as count from room_aliases where creator_nid = $1',
      [creatorNid],
    )
    return rows[0]!.count
  }

  /** Adds an alias; false when it is taken. */
  async insert(row: RoomAliasRow): Promise<boolean> {
    const count = await this.#db.execute(
      'roomAliases.insert',
      `insert into room_aliases (alias, folded, room_nid, creator_nid, created_ts)
       values ($1, $2, $3, $4, $5) on conflict do nothing`,
      [row.alias, row.alias.toLowerCase(), row.roomNid, row.creatorNid, row.createdTs],
    )
    return count === 1
  }

  /** Deletes an alias; false when there was none. */
  async delete(alias: RoomAlias): Promise<boolean> {
    return (
      (await this.#db.execute('roomAliases.delete', 'delete from room_aliases where folded = $1', [
        alias.toLowerCase(),
      ])) === 1
    )
  }

  /** Gives all aliases of a room to another one. */
  async moveAll(fromNid: number, toNid: number): Promise<void> {
    await this.#db.execute('roomAliases.moveAll', 'update room_aliases set room_nid = $2 where room_nid = $1', [
      fromNid,
      toNid,
    ])
  }

  /** The first `limit` aliases of each of these rooms, by room, in their order. */
  async listByRooms(roomNids: readonly number[], limit: number): Promise<Map<number, RoomAlias[]>> {
    if (roomNids.length === 0) return new Map()
    const rows = await this.#db.read<{ roomNid: number; aliases: RoomAlias[] }>(
      'roomAliases.listByRooms',
      `select room_nid as "roomNid", (array_agg(alias order by alias))[:$2] as aliases from room_aliases
        where room_nid = any($1) group by room_nid`,
      [roomNids, limit],
    )
    return new Map(rows.map(({ roomNid, aliases }) => [roomNid, aliases]))
  }

  /** The aliases of a room, in their order. */
  async listByRoom(roomNid: number): Promise<RoomAlias[]> {
    const rows = await this.#db.read<{ alias: RoomAlias }>(
      'roomAliases.listByRoom',
      'select alias from room_aliases where room_nid = $1 order by alias',
      [roomNid],
    )
    return rows.map(({ alias }) => alias)
  }
}
