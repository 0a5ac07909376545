import type { Queryable } from '../connection/queryable.ts'

/** How far somebody has come who wants to see another's presence. */
export type PresenceListState = 'none' | 'asked' | 'granted'

export interface PresenceListEntry {
  readonly observerNid: number
  readonly observedNid: number
  readonly state: PresenceListState
}

export interface PresenceListRow extends PresenceListEntry {
  readonly pos: number
}

const states: readonly PresenceListState[] = ['none', 'asked', 'granted']
/** Entries that are no more, of one observer: as many as another process may still have to hear of. */
const maxGone = 200
const columns = 'pos, observer_nid as "observerNid", observed_nid as "observedNid", state'

/** Whose presence the users of this server asked to see, beside those with whom they share rooms. */
export class PresenceLists {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** All entries that stand in which a user is the observer or the observed one, in the order in which they changed. */
  async listOf(userNid: number): Promise<PresenceListRow[]> {
    return this.#read(
      'presenceLists.listOf',
      `select ${columns} from presence_lists where (observer_nid = $1 or observed_nid = $1) and state > 0 order by pos`,
      [userNid],
    )
  }

  /** How many are observers of each of several users, or asked to be; those of nobody are left out. */
  async countObservers(userNids: readonly number[]): Promise<Map<number, number>> {
    const rows = await this.#db.read<{ nid: number; count: number }>(
      'presenceLists.countObservers',
      `select observed_nid as nid, count(*)::int as count from presence_lists
        where observed_nid = any($1) and state > 0 group by observed_nid`,
      [userNids],
    )
    return new Map(rows.map(({ nid, count }) => [nid, count]))
  }

  async isGranted(observerNid: number, observedNid: number): Promise<boolean> {
    const rows = await this.#read(
      'presenceLists.isGranted',
      `select ${columns} from presence_lists where observer_nid = $1 and observed_nid = $2 and state = 2`,
      [observerNid, observedNid],
    )
    return rows.length > 0
  }

  /** Sets entries, each at the stream position that was taken for it. */
  async put(rows: readonly PresenceListRow[]): Promise<void> {
    await this.#db.execute(
      'presenceLists.put',
      `insert into presence_lists (pos, observer_nid, observed_nid, state)
       select * from unnest($1::bigint[], $2::int[], $3::int[], $4::smallint[])
       on conflict (observer_nid, observed_nid) do update set pos = excluded.pos, state = excluded.state`,
      [
        rows.map(({ pos }) => pos),
        rows.map(({ observerNid }) => observerNid),
        rows.map(({ observedNid }) => observedNid),
        rows.map(({ state }) => states.indexOf(state)),
      ],
    )
    await this.#db.execute(
      'presenceLists.deleteGone',
      `delete from presence_lists p
        using (select observer_nid, observed_nid, row_number() over (partition by observer_nid order by pos desc) as place
                 from presence_lists where observer_nid = any($1) and state = 0) gone
        where p.observer_nid = gone.observer_nid and p.observed_nid = gone.observed_nid and gone.place > ${maxGone}`,
      [[...new Set(rows.map(({ observerNid }) => observerNid))]],
    )
  }

  /** Removes a user from all lists, and their own. */
  async deleteAll(userNid: number): Promise<void> {
    await this.#db.execute(
      'presenceLists.deleteAll',
      'delete from presence_lists where observer_nid = $1 or observed_nid = $1',
      [userNid],
    )
  }

  /** What changed at positions after one and up to another, in order; at most `limit`. */
  async listByPosition(after: number, upTo: number, limit: number): Promise<PresenceListRow[]> {
    return this.#read(
      'presenceLists.listByPosition',
      `select ${columns} from presence_lists where pos > $1 and pos <= $2 order by pos limit $3`,
      [after, upTo, limit],
    )
  }

  async #read(name: string, text: string, values: readonly number[]): Promise<PresenceListRow[]> {
    const rows = await this.#db.read<Omit<PresenceListRow, 'state'> & { state: number }>(name, text, values)
    return rows.map((row) => ({ ...row, state: states[row.state]! }))
  }
}
