import type { Database } from './connection/database.ts'
import type { AuthGraphs } from './state/auth-graphs.ts'
import type { States } from './state/states.ts'
import type { CachedEvents } from './tables/cached-events.ts'

/** Rows that go in one transaction: autovacuum keeps up, and nobody waits for long. */
const CHUNK_ROWS = 2_000

/**
 * The tables of a room's rows, besides `events` with the client transactions and relations of its events. Tables that refer to `rooms`
 * with `on delete cascade` follow by themselves.
 */
const roomTables = [
  'backward_extremities',
  'timeline_gaps',
  'local_membership',
  'current_state',
  'room_servers',
  'receipts',
  'redactions',
  'event_refusals',
  'inbound_staging',
  'threads',
  'state_node',
  'state_events',
] as const

/** Deletes rooms with everything that belongs to them. */
export class RoomDeletion {
  readonly #db: Database
  readonly #events: CachedEvents
  readonly #states: States
  readonly #authGraphs: AuthGraphs

  constructor(deps: {
    readonly db: Database
    readonly events: CachedEvents
    readonly states: States
    readonly authGraphs: AuthGraphs
  }) {
    this.#db = deps.db
    this.#events = deps.events
    this.#states = deps.states
    this.#authGraphs = deps.authGraphs
  }

  /**
   * Deletes a room. Its head goes first, so that from then on nothing can be committed to it; the rest goes bit by bit. A
   * deletion that was interrupted continues when this is called again (`rooms.listDeleting`).
   */
  async delete(roomNid: number): Promise<void> {
    await this.#behead(roomNid)
    for (const table of roomTables) await this.#deleteRows(table, roomNid)
    await this.#deleteEvents(roomNid)
    this.#states.forgetRoom(roomNid)
    this.#authGraphs.forgetRoom(roomNid)
    await this.#db.execute('roomDeletion.room', 'delete from rooms where nid = $1', [roomNid])
  }

  async #behead(roomNid: number): Promise<void> {
    await this.#db.transaction(async (tx) => {
      // Every commit takes this row first: none is between looking at the head and moving it.
      await tx.query('roomDeletion.lock', 'select pos from stream_head where id = 1 for update')
      await tx.execute('roomDeletion.begin', 'update rooms set deleting = true where nid = $1', [roomNid])
      await tx.execute('roomDeletion.head', 'delete from room_head where room_nid = $1', [roomNid])
    })
  }

  async #deleteRows(table: (typeof roomTables)[number], roomNid: number): Promise<void> {
    for (let deleted = CHUNK_ROWS; deleted === CHUNK_ROWS;) {
      deleted = await this.#db.execute(
        `roomDeletion.${table}`,
        `delete from ${table} where ctid = any (array(select ctid from ${table} where room_nid = $1 limit $2))`,
        [roomNid, CHUNK_ROWS],
      )
    }
  }

  async #deleteEvents(roomNid: number): Promise<void> {
    for (let deleted = CHUNK_ROWS; deleted === CHUNK_ROWS;) {
      const rows = await this.#db.query<{ nid: number }>(
        'roomDeletion.events',
        `with gone as (delete from events
                        where ctid = any (array(select ctid from events where room_nid = $1 limit $2)) returning nid),
              transactions as (delete from client_txn where nid in (select nid from gone)),
              related as (delete from relations where nid in (select nid from gone))
         select nid from gone`,
        [roomNid, CHUNK_ROWS],
      )
      this.#events.forget(rows.map(({ nid }) => nid))
      deleted = rows.length
    }
  }
}
