import type { Database } from './connection/database.ts'
import type { Transaction } from './connection/transaction.ts'
import { RoomGone } from './outliers.ts'
import { int2Array, int4Array, int8Array } from './persister/binary-array.ts'
import { membershipCodes, type Membership } from './tables/membership-code.ts'

/** One key of a state that is taken over. */
export interface AdoptedState {
  readonly typeNid: number
  readonly stateKeyNid: number
  readonly nid: number
  /** For member events. */
  readonly membership?: Membership | undefined
}

/** How many users of a server are joined to a room that is taken over. */
export interface AdoptedServer {
  readonly serverNid: number
  readonly joined: number
}

/** Rows that go in one transaction: none of them holds anything for long. */
const CHUNK_ROWS = 2_000

/**
 * Takes over what a room that no user of this server is in has come to elsewhere: its current state and its servers, as
 * they are before a join. They are as large as the room, so they are written before the commit of the join, which holds
 * up everybody else's; until then nobody here looks at them.
 */
export class RoomAdoption {
  readonly #db: Database

  constructor(deps: { readonly db: Database }) {
    this.#db = deps.db
  }

  /**
   * Puts a state, and the servers of its members, into the place of what is known of a room. The commit that follows then
   * gives only what it changes of them. May be repeated.
   *
   * @throws RoomEntered when a user of this server is in the room, RoomGone when it is being deleted.
   */
  async prepare(roomNid: number, { state, servers, ownServerNid }: RoomToAdopt): Promise<void> {
    for (const table of ['current_state', 'room_servers'] as const) {
      for (let deleted = CHUNK_ROWS; deleted === CHUNK_ROWS;) {
        deleted = await this.#inRoom(roomNid, ownServerNid, (tx) =>
          tx.execute(
            `roomAdoption.${table}`,
            `delete from ${table} where ctid = any (array(select ctid from ${table} where room_nid = $1 limit $2))`,
            [roomNid, CHUNK_ROWS],
          ),
        )
      }
    }
    for (let start = 0; start < state.length; start += CHUNK_ROWS) {
      const chunk = state.slice(start, start + CHUNK_ROWS)
      await this.#inRoom(roomNid, ownServerNid, (tx) => insertState(tx, roomNid, chunk))
    }
    for (let start = 0; start < servers.length; start += CHUNK_ROWS) {
      const chunk = servers.slice(start, start + CHUNK_ROWS)
      await this.#inRoom(roomNid, ownServerNid, (tx) => insertServers(tx, roomNid, chunk))
    }
  }

  /** Runs a piece of work unless the room is another's business by now. */
  #inRoom<T>(roomNid: number, ownServerNid: number, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#db.transaction(async (tx) => {
      const [room] = await tx.query<{ deleting: boolean; entered: boolean }>(
        'roomAdoption.lockRoom',
        `select deleting, exists (select from room_servers where room_nid = $1 and server_nid = $2 and joined > 0) as entered
           from rooms where nid = $1 for no key update`,
        [roomNid, ownServerNid],
      )
      if (room === undefined || room.deleting) throw new RoomGone(`room ${roomNid} is gone`)
      if (room.entered) throw new RoomEntered(`a user of this server is in room ${roomNid}`)
      return work(tx)
    })
  }
}

/** What a room has come to elsewhere. */
export interface RoomToAdopt {
  readonly state: readonly AdoptedState[]
  readonly servers: readonly AdoptedServer[]
  readonly ownServerNid: number
}

/** A user of this server is in the room: what it has come to is known from its events. */
export class RoomEntered extends Error {
  override readonly name = 'RoomEntered'
}

async function insertState(tx: Transaction, roomNid: number, state: readonly AdoptedState[]): Promise<void> {
  await tx.execute(
    'roomAdoption.insertState',
    `insert into current_state (nid, room_nid, type_nid, skey_nid, membership)
     select nid, $1, type_nid, skey_nid, membership
       from unnest($2::bigint[], $3::int[], $4::int[], $5::smallint[]) s(nid, type_nid, skey_nid, membership)
         on conflict (room_nid, type_nid, skey_nid) do update set nid = excluded.nid, membership = excluded.membership`,
    [
      roomNid,
      int8Array(state.map(({ nid }) => nid)),
      int4Array(state.map(({ typeNid }) => typeNid)),
      int4Array(state.map(({ stateKeyNid }) => stateKeyNid)),
      int2Array(state.map(({ membership }) => (membership === undefined ? null : membershipCodes[membership]))),
    ],
  )
}

async function insertServers(tx: Transaction, roomNid: number, servers: readonly AdoptedServer[]): Promise<void> {
  await tx.execute(
    'roomAdoption.insertServers',
    `insert into room_servers (since_pos, room_nid, server_nid, joined)
     select (select pos from stream_head), $1, server_nid, joined
       from unnest($2::int[], $3::int[]) s(server_nid, joined)
         on conflict (room_nid, server_nid) do update set joined = excluded.joined, since_pos = excluded.since_pos`,
    [roomNid, int4Array(servers.map(({ serverNid }) => serverNid)), int4Array(servers.map(({ joined }) => joined))],
  )
}
