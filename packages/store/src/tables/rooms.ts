import type { RoomId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'

/** A room's row: it may be known (from an invitation, or events of it seen elsewhere) without having a head here. */
export interface RoomRow {
  readonly nid: number
  readonly roomId: RoomId
  readonly version: string
}

const columns = `nid, room_id as "roomId", version`

/** The numbers and versions of rooms. */
export class Rooms {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** A number for a room that is about to be created: its row is written by the commit of its first events. */
  async reserveNid(): Promise<number> {
    const rows = await this.#db.query<{ nid: number }>(
      'rooms.reserveNid',
      `select nextval(pg_get_serial_sequence('rooms', 'nid'))::int as nid`,
    )
    return rows[0]!.nid
  }

  /** Adds a room that exists elsewhere, or finds it. Not within a transaction that may be rolled back. */
  async intern(roomId: RoomId, version: string): Promise<RoomRow> {
    const known = await this.find(roomId)
    if (known !== undefined) return known
    await this.#db.execute(
      'rooms.intern',
      'insert into rooms (room_id, version) values ($1, $2) on conflict (room_id) do nothing',
      [roomId, version],
    )
    const row = await this.find(roomId)
    if (row === undefined) throw new Error('a row of rooms vanished while it was being made')
    return row
  }

  /** Corrects the version of a room of which there are no events yet: who told of it was wrong. */
  async setVersion(nid: number, version: string): Promise<void> {
    await this.#db.execute(
      'rooms.setVersion',
      'update rooms set version = $2 where nid = $1 and not exists (select from events where room_nid = $1)',
      [nid, version],
    )
  }

  async find(roomId: RoomId): Promise<RoomRow | undefined> {
    const rows = await this.#db.read<RoomRow>('rooms.find', `select ${columns} from rooms where room_id = $1`, [roomId])
    return rows[0]
  }

  async findAll(roomIds: readonly RoomId[]): Promise<RoomRow[]> {
    if (roomIds.length === 0) return []
    return this.#db.read<RoomRow>('rooms.findAll', `select ${columns} from rooms where room_id = any($1)`, [roomIds])
  }

  async findByNid(nid: number): Promise<RoomRow | undefined> {
    return (await this.findByNids([nid]))[0]
  }

  /** The rooms whose deletion has begun and not ended. */
  async listDeleting(): Promise<number[]> {
    const rows = await this.#db.query<{ nid: number }>('rooms.listDeleting', 'select nid from rooms where deleting')
    return rows.map(({ nid }) => nid)
  }

  async findByNids(nids: readonly number[]): Promise<RoomRow[]> {
    return this.#db.read<RoomRow>('rooms.findByNids', `select ${columns} from rooms where nid = any($1)`, [nids])
  }
}
