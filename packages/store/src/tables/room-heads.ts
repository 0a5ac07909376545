import type { Queryable } from '../connection/queryable.ts'

/** The end of a room's history. */
export interface RoomHead {
  readonly roomNid: number
  /** Position of the room's last event: what a commit compares. */
  readonly lastPos: number
  /** The greatest depth of its events. */
  readonly depth: number
  /** The current state. */
  readonly stateNid: number
  /** The forward extremities: what the next event follows. */
  readonly extremities: readonly number[]
}

const columns = `room_nid as "roomNid", last_pos as "lastPos", depth, state_nid as "stateNid", extremities`

/** The heads of the rooms that this deployment takes part in. */
export class RoomHeads {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  async find(roomNid: number): Promise<RoomHead | undefined> {
    return (await this.findAll([roomNid])).get(roomNid)
  }

  async findAll(roomNids: readonly number[]): Promise<Map<number, RoomHead>> {
    if (roomNids.length === 0) return new Map()
    const rows = await this.#db.read<RoomHead>(
      'roomHeads.findAll',
      `select ${columns} from room_head where room_nid = any($1)`,
      [roomNids],
    )
    return new Map(rows.map((row) => [row.roomNid, row]))
  }
}
