import type { DeviceId, UserId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'

/** What a valid access token stands for. */
export interface SessionRow {
  readonly userId: UserId
  readonly userNid: number
  readonly deviceId: DeviceId
  readonly deviceNid: number
  readonly isAdmin: boolean
  readonly isGuest: boolean
  readonly isLocked: boolean
  readonly isSuspended: boolean
  /** When the token expires, in milliseconds since the epoch; null for never. */
  readonly expiresTs: number | null
  /** Whether the token has not been used yet, and those before it are valid until then. */
  readonly isNext: boolean
  /** When the device was last seen, in milliseconds, as far as it has been written down. */
  readonly lastSeenTs: number
}

/** Tokens about which something has changed, and where to go on reading. */
export interface StaleTokens {
  readonly tokenHashes: readonly Buffer[]
  /** To be passed to the next call. */
  readonly cursor: string
}

/** Access tokens, by their SHA-256: who has the database does not have the tokens. */
export class AccessTokens {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Gives a device a token, which replaces those that it had. */
  async replace(deviceNid: number, tokenHash: Uint8Array, now: number, expiresTs: number | null = null): Promise<void> {
    await this.#db.execute(
      'accessTokens.replace',
      `with gone as (delete from access_tokens where device_nid = $1)
       insert into access_tokens (token_hash, device_nid, expires_ts, created_ts) values ($2, $1, $3, $4)`,
      [deviceNid, tokenHash, expiresTs, now],
    )
  }

  /** What a token stands for; undefined when it is unknown, or its account was deactivated. */
  async find(tokenHash: Uint8Array): Promise<SessionRow | undefined> {
    const rows = await this.#db.read<SessionRow>(
      'accessTokens.find',
      `select users.user_id as "userId", accounts.user_nid as "userNid", devices.device_id as "deviceId",
         devices.nid as "deviceNid", accounts.is_admin as "isAdmin", accounts.is_guest as "isGuest",
         accounts.is_locked as "isLocked", accounts.is_suspended as "isSuspended",
         access_tokens.expires_ts as "expiresTs", access_tokens.is_next as "isNext",
         devices.last_seen_ts as "lastSeenTs"
       from access_tokens
       join devices on devices.nid = access_tokens.device_nid
       join accounts on accounts.user_nid = devices.user_nid
       join users on users.nid = accounts.user_nid
       where access_tokens.token_hash = $1 and accounts.deactivated_ts is null`,
      [tokenHash],
    )
    return rows[0]
  }

  /**
   * Keeps everybody else from changing the tokens of a token's device until the transaction ends, and resolves to what the
   * token then is; to undefined when there is no such token any more.
   */
  async lock(tokenHash: Uint8Array): Promise<{ readonly deviceNid: number; readonly isNext: boolean } | undefined> {
    await this.#db.query(
      'accessTokens.lockDevice',
      `select from devices where nid = (select device_nid from access_tokens where token_hash = $1) for update`,
      [tokenHash],
    )
    const rows = await this.#db.query<{ deviceNid: number; isNext: boolean }>(
      'accessTokens.deviceOf',
      `select device_nid as "deviceNid", is_next as "isNext" from access_tokens where token_hash = $1`,
      [tokenHash],
    )
    return rows[0]
  }

  /** Where `listStale` begins. */
  async staleCursor(): Promise<string> {
    const rows = await this.#db.read<{ cursor: string }>(
      'accessTokens.staleCursor',
      `select pg_snapshot_xmin(pg_current_snapshot())::text as cursor`,
    )
    return rows[0]!.cursor
  }

  /**
   * Tokens that have ended, or whose account has changed, in transactions that had not ended at the cursor. Complete, as
   * cursors are transaction ids and not times; some may come twice.
   */
  async listStale(cursor: string): Promise<StaleTokens> {
    const rows = await this.#db.read<{ tokenHashes: Buffer[]; cursor: string }>(
      'accessTokens.listStale',
      `select array(select token_hash from stale_sessions where xid >= $1::text::xid8) as "tokenHashes",
         pg_snapshot_xmin(pg_current_snapshot())::text as cursor`,
      [cursor],
    )
    return rows[0]!
  }

  /** Forgets what every process has read by now. */
  async pruneStale(): Promise<void> {
    await this.#db.execute(
      'accessTokens.pruneStale',
      `delete from stale_sessions where recorded < now() - interval '1 hour'`,
    )
  }
}
