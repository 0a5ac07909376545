import type { Queryable } from '../connection/queryable.ts'

/** Work that one process does at a time, for as long as it is there. */
export class Leases {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Takes a lease, or keeps it; false when another holds it, or the holder, a process, is not there any more. `untilTs` is
   * for code that knows nothing of processes: a process holds what it has for as long as it is there.
   */
  async take(
    name: string,
    holder: string,
    { now, untilTs }: { readonly now: number; readonly untilTs: number },
  ): Promise<boolean> {
    const taken = await this.#db.execute(
      'leases.take',
      `insert into leases as l (name, holder, until_ts)
         select $1, id, $3 from processes where id = $2
       on conflict (name) do update set holder = excluded.holder, until_ts = excluded.until_ts
        where l.holder = excluded.holder
           or (l.until_ts <= $4 and not exists (select from processes p where p.id = l.holder))`,
      [name, holder, untilTs, now],
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
