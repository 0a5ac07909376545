import type { Queryable } from '../connection/queryable.ts'

/** One step from a state towards the empty one: what it changes of the state below it. */
export interface StateStep {
  readonly stateNid: number
  readonly kind: StateStepKind
  /** The state below; 0 is the empty state, null that of a snapshot. */
  readonly baseNid: number | null
  /** For an event: its key. */
  readonly typeNid: number | null
  readonly stateKeyNid: number | null
  /** For a merge: what its packed references count from. */
  readonly origin: number | null
  /** For a merge or a snapshot. */
  readonly data: Buffer | null
}

/** `event`: the state after a state event. `merge`: the outcome of a resolution. `snapshot`: a whole state. */
export type StateStepKind = 'event' | 'merge' | 'snapshot'

const kinds: readonly StateStepKind[] = ['event', 'merge', 'snapshot']
const SNAPSHOT = 2

/** Packed states, and the way down from a state to one that is known whole. */
export class StateNodes {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Numbers for states that resolutions make, and for events without a position. */
  async reserveNids(count: number): Promise<number[]> {
    const rows = await this.#db.query<{ nid: number }>(
      'stateNodes.reserveNids',
      `select nextval('off_stream_nid') as nid from generate_series(1, $1)`,
      [count],
    )
    return rows.map((row) => row.nid)
  }

  /**
   * The steps from a state down to the next snapshot, to the empty state, or to the first state whose base is one of
   * `known`. In one query: 3 microseconds a step.
   */
  async walk(roomNid: number, stateNid: number, known: readonly number[]): Promise<StateStep[]> {
    const rows = await this.#db.read<Omit<StateStep, 'kind'> & { kind: number }>(
      'stateNodes.walk',
      `with recursive walk (step, state_nid, kind, base_nid, type_nid, skey_nid, origin, data) as (
         select 0, null::bigint, 0::smallint, $2::bigint, null::int, null::int, null::bigint, null::bytea
         union all
         select w.step + 1, below.*
           from walk w cross join lateral (
             (select n.state_nid, n.kind, n.base_nid, null::int, null::int, n.origin, n.data from state_node n
               where n.room_nid = $1 and n.state_nid = w.base_nid order by n.kind desc limit 1)
             union all
             (select e.nid, 0::smallint, e.base_nid, e.type_nid, e.skey_nid, null::bigint, null::bytea from state_events e
               where e.room_nid = $1 and e.nid = w.base_nid)
             limit 1) below
          where w.base_nid <> 0 and (w.step = 0 or w.base_nid <> all ($3::bigint[])))
       select state_nid as "stateNid", kind, base_nid as "baseNid", type_nid as "typeNid", skey_nid as "stateKeyNid",
              origin, data
         from walk where step > 0 order by step`,
      [roomNid, stateNid, known],
    )
    return rows.map((row) => ({ ...row, kind: kinds[row.kind]! }))
  }

  /** Keeps a packed state; nothing happens if there is one already. */
  async insertSnapshot(roomNid: number, stateNid: number, data: Buffer): Promise<void> {
    await this.#db.execute(
      'stateNodes.insertSnapshot',
      `insert into state_node (room_nid, state_nid, kind, data) values ($1, $2, ${SNAPSHOT}, $3) on conflict do nothing`,
      [roomNid, stateNid, data],
    )
  }
}
