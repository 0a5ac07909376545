import type { Queryable } from '../connection/queryable.ts'

/** Of a user's walks, the newest so many are kept. */
const maxOfUser = 50

/** Where users stand who look through spaces page by page. */
export class SpaceWalks {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Adds a walk, as JSON, and removes what has expired and the user's oldest ones. Times are milliseconds since the epoch. */
  async insert(row: {
    readonly id: Uint8Array
    readonly userNid: number
    readonly walk: string
    readonly expiresTs: number
    readonly now: number
  }): Promise<void> {
    await this.#db.execute(
      'spaceWalks.insert',
      `with expired as (delete from space_walks where expires_ts <= $5),
         oldest as (delete from space_walks where id in (
           select id from space_walks where user_nid = $2 order by expires_ts desc offset ${maxOfUser - 1}))
       insert into space_walks (id, user_nid, walk, expires_ts) values ($1, $2, $3, $4)`,
      [row.id, row.userNid, row.walk, row.expiresTs, row.now],
    )
  }

  /** A user's walk; undefined when it has expired, and when it is another's. */
  async find(id: Uint8Array, userNid: number, now: number): Promise<string | undefined> {
    const rows = await this.#db.read<{ walk: string }>(
      'spaceWalks.find',
      'select walk from space_walks where id = $1 and user_nid = $2 and expires_ts > $3',
      [id, userNid, now],
    )
    return rows[0]?.walk
  }

  /** Takes all walks of a user away. */
  async deleteAll(userNid: number): Promise<void> {
    await this.#db.execute('spaceWalks.deleteAll', 'delete from space_walks where user_nid = $1', [userNid])
  }
}
