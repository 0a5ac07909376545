import type { Queryable } from '../connection/queryable.ts'

/** What shows a third party who a user is, by its SHA-256. */
export class OpenIdTokens {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Adds a token, and removes those of the user that have expired. */
  async insert(tokenHash: Uint8Array, userNid: number, expiresTs: number, now: number): Promise<void> {
    await this.#db.execute(
      'openIdTokens.insert',
      `with expired as (delete from openid_tokens where user_nid = $2 and expires_ts <= $4)
       insert into openid_tokens (token_hash, user_nid, expires_ts) values ($1, $2, $3)`,
      [tokenHash, userNid, expiresTs, now],
    )
  }

  /** Whose token it is; undefined for one that has expired, and for a closed account. */
  async find(tokenHash: Uint8Array, now: number): Promise<{ readonly userNid: number } | undefined> {
    const rows = await this.#db.read<{ userNid: number }>(
      'openIdTokens.find',
      `select user_nid as "userNid" from openid_tokens join accounts using (user_nid)
       where token_hash = $1 and expires_ts > $2 and deactivated_ts is null`,
      [tokenHash, now],
    )
    return rows[0]
  }

  /** Takes all tokens of a user away. */
  async deleteAll(userNid: number): Promise<void> {
    await this.#db.execute('openIdTokens.deleteAll', 'delete from openid_tokens where user_nid = $1', [userNid])
  }
}
