import { signJson, VerifyKey, type SigningKey } from '@hearth/crypto'
import type { JsonObject, ServerName } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { OwnKeyRow, Store } from '@hearth/store'

/** How long what is published is valid: a key that was stolen is good for no longer than this. */
const VALIDITY_MS = 24 * 60 * 60 * 1_000
/** Others are to keep an answer for half of its validity, so none is given out that has less than that left. */
const RENEWAL_MS = VALIDITY_MS / 2

/** The key that this server signs with, and those it used to sign with. */
export class OwnKeys {
  /** The key to sign with. */
  readonly current: SigningKey
  readonly #serverName: ServerName
  readonly #clock: Clock
  readonly #old: readonly OwnKeyRow[]
  readonly #verifyKeys: ReadonlyMap<string, { readonly key: VerifyKey; readonly validUntilTs: number }>
  #document: JsonObject | undefined
  #renewTs = 0

  private constructor(deps: {
    readonly serverName: ServerName
    readonly current: SigningKey
    readonly keys: readonly OwnKeyRow[]
    readonly clock: Clock
  }) {
    this.current = deps.current
    this.#serverName = deps.serverName
    this.#clock = deps.clock
    this.#old = deps.keys.filter(({ keyId }) => keyId !== deps.current.keyId)
    this.#verifyKeys = new Map(
      deps.keys.flatMap(({ keyId, publicKey, expiredTs }) => {
        const key = VerifyKey.import(publicKey)
        return key === undefined ? [] : [[keyId, { key, validUntilTs: expiredTs ?? Infinity }] as const]
      }),
    )
  }

  /**
   * Makes a key the one to sign with. The one before it stays known from now on as one that has expired.
   * @throws Error when the id of the key is that of another one.
   */
  static async open(deps: {
    readonly store: Store
    readonly serverName: ServerName
    readonly current: SigningKey
    readonly clock: Clock
  }): Promise<OwnKeys> {
    const { store, current, clock } = deps
    await store.ownKeys.makeCurrent(current.keyId, current.publicKey, clock.now())
    const keys = await store.ownKeys.list()
    if (keys.find(({ keyId }) => keyId === current.keyId)?.publicKey !== current.publicKey) {
      throw new Error(
        `the signing key ${current.keyId} is not the one that this server had by this name: it needs another`,
      )
    }
    return new OwnKeys({ ...deps, keys })
  }

  /**
   * What is published of the keys, signed.
   * {@link https://spec.matrix.org/v1.19/server-server-api/#publishing-keys}
   */
  document(): JsonObject {
    const now = this.#clock.now()
    // Also when the clock was set back: nothing is promised for longer than VALIDITY_MS.
    if (this.#document === undefined || now >= this.#renewTs || now < this.#renewTs - RENEWAL_MS) {
      this.#document = this.#sign(now + VALIDITY_MS)
      this.#renewTs = now + RENEWAL_MS
    }
    return this.#document
  }

  /** Those of the named keys that this server had, or had at a time in milliseconds since 1970. */
  find(keyIds: readonly string[], at?: number): Map<string, VerifyKey> {
    const found = new Map<string, VerifyKey>()
    for (const keyId of keyIds) {
      const known = this.#verifyKeys.get(keyId)
      if (known !== undefined && (at === undefined || at <= known.validUntilTs)) found.set(keyId, known.key)
    }
    return found
  }

  #sign(validUntilTs: number): JsonObject {
    const document: JsonObject = {
      server_name: this.#serverName,
      verify_keys: { [this.current.keyId]: { key: this.current.publicKey } },
      old_verify_keys: Object.fromEntries(
        this.#old.map(({ keyId, publicKey, expiredTs }) => [keyId, { key: publicKey, expired_ts: expiredTs! }]),
      ),
      valid_until_ts: validUntilTs,
    }
    return signJson(document, this.#serverName, this.current)
  }
}
