import type { Queryable } from '../connection/queryable.ts'

/** Filters that clients have defined, to name them in later requests. */
export class Filters {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** The id of a user's filter with this definition (its hash decides), which is added unless the user has `max`. */
  async define(userNid: number, hash: Uint8Array, definition: string, max: number): Promise<number | undefined> {
    const rows = await this.#db.query<{ nid: number }>(
      'filters.define',
      `insert into filters (user_nid, definition_hash, definition)
       select $1, $2, $3
       where exists (select from filters where user_nid = $1 and definition_hash = $2)
         or (select count(*) from filters where user_nid = $1) < $4
       on conflict on constraint filters_definition do update set definition = excluded.definition
       returning nid`,
      [userNid, hash, definition, max],
    )
    return rows[0]?.nid
  }

  /** Removes all filters of a user. */
  async deleteAll(userNid: number): Promise<void> {
    await this.#db.execute('filters.deleteAll', `delete from filters where user_nid = $1`, [userNid])
  }

  /** A user's filter, as JSON text. */
  async find(userNid: number, nid: number): Promise<string | undefined> {
    const rows = await this.#db.read<{ definition: string }>(
      'filters.find',
      `select definition from filters where user_nid = $1 and nid = $2`,
      [userNid, nid],
    )
    return rows[0]?.definition
  }
}
