import type { Queryable } from '../connection/queryable.ts'

export interface ErasureRow {
  readonly pos: number
  readonly userNid: number
}

/** The users of this server whose account was closed with the wish that what they sent be erased. */
export class Erasures {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Adds a user; resolves to the stream position of it, undefined for one who was erased before. */
  async insert(userNid: number): Promise<number | undefined> {
    const rows = await this.#db.query<{ pos: number }>(
      'erasures.insert',
      `with head as (
         update stream_head set pos = pos + 1 where not exists (select from erasures where user_nid = $1) returning pos
       )
       insert into erasures (pos, user_nid) select pos, $1 from head returning pos`,
      [userNid],
    )
    return rows[0]?.pos
  }

  /** Everybody who was erased after one position and up to another, in order; at most `limit`. */
  async listByPosition(after: number, upTo: number, limit: number): Promise<ErasureRow[]> {
    return this.#db.read<ErasureRow>(
      'erasures.listByPosition',
      `select pos, user_nid as "userNid" from erasures where pos > $1 and pos <= $2 order by pos limit $3`,
      [after, upTo, limit],
    )
  }
}
