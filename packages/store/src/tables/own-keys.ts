import type { Queryable } from '../connection/queryable.ts'

/** A key that this server signs with, or used to. */
export interface OwnKeyRow {
  readonly keyId: string
  /** In unpadded base64. */
  readonly publicKey: string
  /** When another key took its place, in milliseconds since 1970; null for the current one. */
  readonly expiredTs: number | null
}

/** The public halves of all keys that this server ever signed with: its old events are checked with them. */
export class OwnKeys {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** All keys. */
  list(): Promise<OwnKeyRow[]> {
    return this.#db.read<OwnKeyRow>(
      'ownKeys.list',
      'select key_id as "keyId", public_key as "publicKey", expired_ts as "expiredTs" from own_keys order by key_id',
      [],
    )
  }

  /** Makes a key the current one; the others have expired, if not before then `now`. Nothing changes when another key has its id. */
  async makeCurrent(keyId: string, publicKey: string, now: number): Promise<void> {
    await this.#db.execute(
      'ownKeys.makeCurrent',
      `with others as (
         update own_keys set expired_ts = $3 where expired_ts is null and key_id <> $1
            and not exists (select from own_keys o where o.key_id = $1 and o.public_key <> $2)
       )
       insert into own_keys (key_id, public_key) values ($1, $2)
       on conflict (key_id) do update set expired_ts = null where own_keys.public_key = $2`,
      [keyId, publicKey, now],
    )
  }
}
