import type { Queryable } from '../connection/queryable.ts'

/**
 * The position of the deployment's stream. Every durable change takes the next one in the transaction that writes it; the
 * row's lock is held until the commit, so positions are given out in the order of commits and a rollback leaves no gap.
 *
 * A change that is one statement takes its position in it:
 *
 *     with head as (update stream_head set pos = pos + 1 returning pos)
 *     insert into account_data (..., pos) select ..., pos from head
 *
 * Nothing slow may follow in the same transaction: everybody who writes waits.
 */
export class StreamHead {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** The position of the last committed change. */
  async position(): Promise<number> {
    const rows = await this.#db.read<{ pos: number }>('streamHead.position', 'select pos from stream_head')
    return rows[0]!.pos
  }

  /** Takes `count` positions, within a transaction; resolves to the first of them. */
  async advance(count: number): Promise<number> {
    const rows = await this.#db.query<{ pos: number }>(
      'streamHead.advance',
      'update stream_head set pos = pos + $1 returning pos',
      [count],
    )
    return rows[0]!.pos - count + 1
  }
}
