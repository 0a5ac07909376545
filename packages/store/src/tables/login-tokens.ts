import type { Queryable } from '../connection/queryable.ts'

/** What logs another device of a user in, by its SHA-256. */
export class LoginTokens {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Adds a token, and removes those of the user that have expired. */
  async insert(tokenHash: Uint8Array, userNid: number, expiresTs: number, now: number): Promise<void> {
    await this.#db.execute(
      'loginTokens.insert',
      `with expired as (delete from login_tokens where user_nid = $2 and expires_ts <= $4)
       insert into login_tokens (token_hash, user_nid, expires_ts) values ($1, $2, $3)`,
      [tokenHash, userNid, expiresTs, now],
    )
  }

  /** Uses a token up; of several that try, one learns whose it was. Undefined also for a closed account. */
  async use(tokenHash: Uint8Array, now: number): Promise<{ readonly userNid: number } | undefined> {
    const rows = await this.#db.query<{ userNid: number }>(
      'loginTokens.use',
      `delete from login_tokens using accounts
       where token_hash = $1 and expires_ts > $2 and accounts.user_nid = login_tokens.user_nid
         and deactivated_ts is null
       returning accounts.user_nid as "userNid"`,
      [tokenHash, now],
    )
    return rows[0]
  }

  /** Takes all tokens of a user away. */
  async deleteAll(userNid: number): Promise<void> {
    await this.#db.execute('loginTokens.deleteAll', 'delete from login_tokens where user_nid = $1', [userNid])
  }
}
