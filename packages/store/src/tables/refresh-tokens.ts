import type { Queryable } from '../connection/queryable.ts'

/** The device that a refresh token belongs to. */
export interface RefreshedDevice {
  readonly deviceNid: number
  /** Whether this is its first use, with which the tokens before it end. */
  readonly isNext: boolean
}

/**
 * Refresh tokens, by their SHA-256. A device has a pair of tokens in use, of access and refresh, and perhaps the next pair,
 * which has been given out and not been used yet.
 */
export class RefreshTokens {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Finds a token's device and keeps everybody else from changing its tokens until the transaction ends. */
  async lock(tokenHash: Uint8Array): Promise<RefreshedDevice | undefined> {
    // The lock is waited for before the token is looked at again: meanwhile it may have been replaced.
    await this.#db.query(
      'refreshTokens.lockDevice',
      `select from devices where nid = (select device_nid from refresh_tokens where token_hash = $1) for update`,
      [tokenHash],
    )
    const rows = await this.#db.query<RefreshedDevice>(
      'refreshTokens.find',
      `select device_nid as "deviceNid", is_next as "isNext" from refresh_tokens where token_hash = $1`,
      [tokenHash],
    )
    return rows[0]
  }

  /** Gives a device the token that renews its only access token. */
  async replace(deviceNid: number, tokenHash: Uint8Array, now: number): Promise<void> {
    await this.#db.execute(
      'refreshTokens.replace',
      `with gone as (delete from refresh_tokens where device_nid = $1)
       insert into refresh_tokens (token_hash, device_nid, created_ts, is_next) values ($2, $1, $3, false)`,
      [deviceNid, tokenHash, now],
    )
  }

  /** Takes the refresh tokens of a device away: its access token does not expire. */
  async deleteOfDevice(deviceNid: number): Promise<void> {
    await this.#db.execute('refreshTokens.deleteOfDevice', 'delete from refresh_tokens where device_nid = $1', [
      deviceNid,
    ])
  }

  /** Gives out the next pair of tokens, in the place of one that was given out and never used. The device is locked. */
  async addNext(
    deviceNid: number,
    pair: { readonly accessHash: Uint8Array; readonly refreshHash: Uint8Array; readonly expiresTs: number },
    now: number,
  ): Promise<void> {
    await this.#db.execute(
      'refreshTokens.addNext',
      `with old_refresh as (delete from refresh_tokens where device_nid = $1 and is_next),
         old_access as (delete from access_tokens where device_nid = $1 and is_next),
         new_access as (insert into access_tokens (token_hash, device_nid, created_ts, expires_ts, is_next)
           values ($2, $1, $5, $4, true))
       insert into refresh_tokens (token_hash, device_nid, created_ts, is_next) values ($3, $1, $5, true)`,
      [deviceNid, pair.accessHash, pair.refreshHash, pair.expiresTs, now],
    )
  }

  /** The next pair of tokens has been used: those before it end. The device is locked. */
  async confirmNext(deviceNid: number): Promise<void> {
    await this.#db.execute(
      'refreshTokens.confirmNext',
      `with old_refresh as (delete from refresh_tokens where device_nid = $1 and not is_next),
         old_access as (delete from access_tokens where device_nid = $1 and not is_next),
         new_refresh as (update refresh_tokens set is_next = false where device_nid = $1 and is_next)
       update access_tokens set is_next = false where device_nid = $1 and is_next`,
      [deviceNid],
    )
  }
}
