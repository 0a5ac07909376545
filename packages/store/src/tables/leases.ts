import type { Queryable } from '../connection/queryable.ts'

/** Work that one process does at a time, for as long as it goes on saying that it is there. */
export class Leases {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Takes a lease until a time, or keeps it for longer; false when another holds it. `alone`: there is no other process, so
   * that whoever held it is gone.
   */
  async take(
    name: string,
    holder: string,
    { now, untilTs, alone }: { readonly now: number; readonly untilTs: number; readonly alone: boolean },
  ): Promise<boolean> {
    const taken = await this.#db.execute(
      'leases.take',
      `insert into leases as l (name, holder, until_ts) values ($1, $2, $3)
       on conflict (name) do update set holder = excluded.holder, until_ts = excluded.until_ts
        where l.holder = excluded.holder or l.until_ts <= $4 or $5`,
      [name, holder, untilTs, now, alone],
    )
    return taken === 1
  }

  /** Within a transaction: whether it is still held. Nobody else can take it before the transaction's end. */
  async isHeld(name: string, holder: string): Promise<boolean> {
    const rows = await this.#db.query('leases.isHeld', 'select from leases where name = $1 and holder = $2 for share', [
      name,
      holder,
    ])
    return rows.length === 1
  }

  /** Gives a lease back. */
  async release(name: string, holder: string): Promise<void> {
    await this.#db.execute('leases.release', 'delete from leases where name = $1 and holder = $2', [name, holder])
  }
}
