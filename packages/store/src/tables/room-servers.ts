import type { RoomId, ServerName } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { eventFlags } from './event-flags.ts'

/** A server that is or was in a room. */
export interface RoomServerRow {
  readonly roomNid: number
  readonly serverNid: number
  /** How many of its users are joined. */
  readonly joined: number
  /** Position of the event that brought it in. */
  readonly sincePos: number
  /** Position of the event that took its last user out: the last event that it is to receive. null while it is in. */
  readonly leftPos: number | null
}

const columns = `room_nid as "roomNid", server_nid as "serverNid", joined, since_pos as "sincePos", left_pos as "leftPos"`

/** Which servers are in which rooms, and since and until when. Written by the commits that change it. */
export class RoomServers {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** All servers that are or were in some rooms. */
  async listByRooms(roomNids: readonly number[]): Promise<RoomServerRow[]> {
    return this.#db.query<RoomServerRow>(
      'roomServers.listByRooms',
      `select ${columns} from room_servers where room_nid = any($1::int[])`,
      [roomNids],
    )
  }

  /** All servers that are or were in a room. */
  async listByRoom(roomNid: number): Promise<RoomServerRow[]> {
    return this.#db.read<RoomServerRow>(
      'roomServers.listByRoom',
      `select ${columns} from room_servers where room_nid = $1`,
      [roomNid],
    )
  }

  /** A server's place in a room; undefined for one that never was in it. */
  async find(roomNid: number, serverNid: number): Promise<RoomServerRow | undefined> {
    const rows = await this.#db.read<RoomServerRow>(
      'roomServers.find',
      `select ${columns} from room_servers where room_nid = $1 and server_nid = $2`,
      [roomNid, serverNid],
    )
    return rows[0]
  }

  /** Those of some rooms that a server is in. */
  async listJoinedAmong(roomNids: readonly number[], serverNid: number): Promise<ReadonlySet<number>> {
    if (roomNids.length === 0) return new Set()
    const rows = await this.#db.read<{ roomNid: number }>(
      'roomServers.listJoinedAmong',
      `select room_nid as "roomNid" from room_servers where room_nid = any($1) and server_nid = $2 and joined > 0`,
      [roomNids, serverNid],
    )
    return new Set(rows.map(({ roomNid }) => roomNid))
  }

  /** The names of the servers that are in a room, the largest first. */
  async listJoined(roomNid: number): Promise<ServerName[]> {
    const rows = await this.#db.read<{ name: ServerName }>(
      'roomServers.listJoined',
      `select s.name from room_servers r join servers s on s.nid = r.server_nid
        where r.room_nid = $1 and r.joined > 0 order by r.joined desc, r.since_pos`,
      [roomNid],
    )
    return rows.map(({ name }) => name)
  }

  /**
   * Whether what a server knows of a room is all there is: it is in it, or nobody else's server is, so that nobody can have
   * changed it since.
   */
  async isInside(roomNid: number, serverNid: number): Promise<boolean> {
    const rows = await this.#db.read<{ inside: boolean }>(
      'roomServers.isInside',
      `select coalesce(bool_or(server_nid = $2), true) as inside from room_servers where room_nid = $1 and joined > 0`,
      [roomNid, serverNid],
    )
    return rows[0]!.inside
  }

  /** The rooms that a server is or was in. */
  async listByServer(serverNid: number): Promise<RoomServerRow[]> {
    return this.#db.read<RoomServerRow>(
      'roomServers.listByServer',
      `select ${columns} from room_servers where server_nid = $1`,
      [serverNid],
    )
  }

  /**
   * A page of the rooms that a server is in, by their ids, with the position of the last event there that was for it, and how
   * many there are.
   */
  async listShared(
    serverNid: number,
    { descending, offset, limit }: { readonly descending: boolean; readonly offset: number; readonly limit: number },
  ): Promise<{ rooms: { roomId: RoomId; lastPos: number }[]; total: number }> {
    const rooms = await this.#db.read<{ roomId: RoomId; lastPos: number }>(
      null,
      `select m.room_id as "roomId", coalesce(e.pos, r.since_pos) as "lastPos"
         from room_servers r join rooms m on m.nid = r.room_nid
         left join lateral (select max(stream_pos) as pos from events t
                             where t.room_nid = r.room_nid and t.flags & ${eventFlags.outgoing} <> 0 and t.stream_pos > 0) e on true
        where r.server_nid = $1 and r.joined > 0
        order by m.room_id ${descending ? 'desc' : 'asc'} limit $2 offset $3`,
      [serverNid, limit, offset],
    )
    const counts = await this.#db.read<{ total: number }>(
      'roomServers.countShared',
      'select count(*) as total from room_servers where server_nid = $1 and joined > 0',
      [serverNid],
    )
    return { rooms, total: counts[0]!.total }
  }

  /** Those of these rooms that other servers are in, and this one is not: what is stored of them is out of date. */
  async listElsewhere(roomNids: readonly number[], own: ServerName): Promise<Set<number>> {
    if (roomNids.length === 0) return new Set()
    const rows = await this.#db.read<{ roomNid: number }>(
      'roomServers.listElsewhere',
      `select r.room_nid as "roomNid" from room_servers r join servers s on s.nid = r.server_nid
        where r.room_nid = any ($1) and r.joined > 0 group by r.room_nid having not bool_or(s.name = $2)`,
      [roomNids, own],
    )
    return new Set(rows.map(({ roomNid }) => roomNid))
  }
}
