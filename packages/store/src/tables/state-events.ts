import type { Queryable } from '../connection/queryable.ts'
import { unpackAuth } from '../state/packed-references.ts'

/** What state resolution needs to know of every state event of a room. */
export interface StateEventRow {
  readonly nid: number
  readonly typeNid: number
  readonly stateKeyNid: number
  readonly auth: readonly number[]
}

/** State events: their auth events, and which state each of them changed. */
export class StateEvents {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** All of a room's state events after a nid, by nid. A long read for a large room. */
  async listByRoom(roomNid: number, after = 0): Promise<StateEventRow[]> {
    const rows = await this.#db.query<Omit<StateEventRow, 'auth'> & { auth: Buffer }>(
      'stateEvents.listByRoom',
      `select nid, type_nid as "typeNid", skey_nid as "stateKeyNid", auth from state_events
        where room_nid = $1 and nid > $2 order by room_nid, nid`,
      [roomNid, after],
    )
    return rows.map((row) => ({ ...row, auth: unpackAuth(row.auth, row.nid) }))
  }

  /** The states before state events of any rooms, by event; those that are not known are left out. */
  async findBases(events: readonly { readonly roomNid: number; readonly nid: number }[]): Promise<Map<number, number>> {
    if (events.length === 0) return new Map()
    const rows = await this.#db.read<{ nid: number; baseNid: number }>(
      'stateEvents.findBases',
      `select s.nid, s.base_nid as "baseNid" from unnest($1::int[], $2::bigint[]) e(room_nid, nid)
         join state_events s on s.room_nid = e.room_nid and s.nid = e.nid where s.base_nid is not null`,
      [events.map(({ roomNid }) => roomNid), events.map(({ nid }) => nid)],
    )
    return new Map(rows.map(({ nid, baseNid }) => [nid, baseNid]))
  }
}
