import type { Queryable } from '../connection/queryable.ts'

/** What a process finds when it shows that it is there. */
export interface Heartbeat {
  /** False when it was taken for dead: whatever it held is another's by now. */
  readonly isThere: boolean
  /** The processes that have shown no sign of life and were struck off. */
  readonly dead: readonly string[]
  /** How many others there are. */
  readonly others: number
}

/** The processes of the deployment that are there. */
export class Processes {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Enters a process. `alone`: there is no other, so that whatever any held is free.
   *
   * @returns when, in milliseconds by the database's clock
   */
  async enter(
    id: string,
    { now, roles, alone }: { readonly now: number; readonly roles: readonly string[]; readonly alone: boolean },
  ): Promise<number> {
    const rows = await this.#db.query<{ enteredAt: number }>(
      'processes.enter',
      `with gone as (delete from processes where $4),
         free_leases as (delete from leases where $4),
         free_jobs as (update jobs set lease_until_ts = null, holder = null where $4 and lease_until_ts is not null)
       insert into processes (id, started_ts, seen_at, roles) values ($1, $2, clock_timestamp(), $3)
       returning extract(epoch from seen_at)::float8 * 1000 as "enteredAt"`,
      [id, now, roles.join(','), alone],
    )
    return rows[0]!.enteredAt
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
       select exists (select from seen) as "isThere", array(select id::text from dead) as dead,
         (select count(*)::integer from processes where id <> $1 and id not in (select id from dead)) as others`,
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

  /**
   * Whether another process that is there may not have seen one that was entered at `enteredAt`: its last sign of life is
   * older, by at most `withinMs` milliseconds.
   */
  async isUnseen(id: string, { enteredAt, withinMs }: { enteredAt: number; withinMs: number }): Promise<boolean> {
    const rows = await this.#db.query<{ isUnseen: boolean }>(
      'processes.isUnseen',
      `select exists (select from processes where id <> $1 and seen_at <= to_timestamp($2::float8 / 1000)
         and seen_at > to_timestamp(($2::float8 - $3::float8) / 1000)) as "isUnseen"`,
      [id, enteredAt, withinMs],
    )
    return rows[0]!.isUnseen
  }
}
