import type { Queryable } from '../connection/queryable.ts'

/** What a process finds when it shows that it is there. */
export interface Heartbeat {
  /** False when it was taken for dead: whatever it held is another's by now. */
  readonly isThere: boolean
  /** The processes that have shown no sign of life and were struck off. */
  readonly dead: readonly string[]
}

/** The processes of the deployment that are there. */
export class Processes {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Enters a process. `alone`: there is no other, so that whatever any held is free. */
  async enter(
    id: string,
    { now, roles, alone }: { readonly now: number; readonly roles: readonly string[]; readonly alone: boolean },
  ): Promise<void> {
    await this.#db.execute(
      'processes.enter',
      `with gone as (delete from processes where $4),
         free_leases as (delete from leases where $4),
         free_jobs as (update jobs set lease_until_ts = null, holder = null where $4 and lease_until_ts is not null)
       insert into processes (id, started_ts, seen_at, roles) values ($1, $2, clock_timestamp(), $3)`,
      [id, now, roles.join(','), alone],
    )
  }

  /**
   * Shows that a process is there. With `deadAfterMs`, strikes those off that have not for so long, with all that they
   * held.
   */
  async beat(id: string, deadAfterMs: number | undefined): Promise<Heartbeat> {
    const rows = await this.#db.query<Heartbeat>(
      'processes.beat',
      `with seen as (update processes set seen_at = clock_timestamp() where id = $1 returning id),
         dead as (delete from processes
           where id <> $1 and seen_at < clock_timestamp() - $2::float8 * interval '1 millisecond' returning id),
         free_leases as (delete from leases where holder in (select id from dead)),
         free_jobs as (update jobs set lease_until_ts = null, holder = null where holder in (select id from dead))
       select exists (select from seen) as "isThere", array(select id::text from dead) as dead`,
      [id, deadAfterMs ?? null],
    )
    return rows[0]!
  }

  /** Strikes a process off that stops, with all that it still holds. */
  async leave(id: string): Promise<void> {
    await this.#db.execute(
      'processes.leave',
      `with gone as (delete from processes where id = $1),
         free_leases as (delete from leases where holder = $1)
       update jobs set lease_until_ts = null, holder = null where holder = $1`,
      [id],
    )
  }

  /** The processes that are there but for one. */
  async listOthers(id: string): Promise<string[]> {
    const rows = await this.#db.read<{ id: string }>(
      'processes.listOthers',
      'select id::text as id from processes where id <> $1 order by started_ts, id',
      [id],
    )
    return rows.map((row) => row.id)
  }
}
