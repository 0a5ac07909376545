import { verifySignedJson, type CanonicalJsonOptions, type SignatureVerdict, type VerifyKey } from '@hearth/crypto'
import { isJsonObject, type JsonObject, type ServerName } from '@hearth/protocol'
import type { Clock, Logger, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { VerifyKeys } from '../rooms/receive/check-signatures.ts'
import type { FederationPolicy } from '../servers/federation-policy.ts'
import { DirectQueries } from './direct-queries.ts'
import { KeyStore, type KnownKey } from './key-store.ts'
import type { KeySource } from './key-source.ts'
import { NotaryQueries } from './notary-queries.ts'
import type { OwnKeys } from './own-keys.ts'

export interface KeyRingDeps {
  readonly store: Store
  readonly serverName: ServerName
  readonly own: OwnKeys
  readonly source: KeySource
  /** The servers that are trusted to say what keys others have. */
  readonly notaries: readonly ServerName[]
  readonly policy: FederationPolicy
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** After this time without an answer of the server itself, notaries are asked as well. */
const patienceMs = 2_000
/** How long anybody waits for keys; what comes later serves the next. */
const deadlineMs = 15_000
/** Signatures by more keys than this are not looked at: nobody has reason to make them. */
const maxSignatures = 10

/** The keys with which servers sign. What is not known is asked for: the server itself, and notaries when it does not answer. */
export class KeyRing implements VerifyKeys {
  readonly #deps: KeyRingDeps
  readonly #keys: KeyStore
  readonly #direct: DirectQueries
  readonly #viaNotaries: NotaryQueries

  constructor(deps: KeyRingDeps) {
    this.#deps = deps
    this.#keys = new KeyStore(deps)
    this.#direct = new DirectQueries({ ...deps, keys: this.#keys })
    this.#viaNotaries = new NotaryQueries({
      ...deps,
      notaries: deps.notaries.filter((notary) => notary !== deps.serverName),
      keys: this.#keys,
      askDirectly: (notary) => this.#ensureCurrent(notary),
    })
  }

  /**
   * Those of the named keys that a server has or had: at a time, in milliseconds since 1970, if one is given, which is
   * what events are checked by from room version 5 on. When none of them is known, it is asked for; what cannot be had
   * within a deadline is left out.
   * {@link https://spec.matrix.org/v1.19/rooms/v5/#signing-key-validity-period}
   */
  async find(server: ServerName, keyIds: readonly string[], at?: number): Promise<ReadonlyMap<string, VerifyKey>> {
    if (server === this.#deps.serverName) return this.#deps.own.find(keyIds, at)
    const isGood = ({ validUntilTs }: KnownKey): boolean => at === undefined || validUntilTs >= at
    return this.#find(server, keyIds, { isGood, until: at })
  }

  /**
   * Those of the named keys with which a server signs requests now. `beforeAsking` is called before anybody is asked for
   * keys; when it throws, nobody is.
   */
  async findCurrent(
    server: ServerName,
    keyIds: readonly string[],
    beforeAsking?: () => Promise<void>,
  ): Promise<ReadonlyMap<string, VerifyKey>> {
    const now = this.#deps.clock.now()
    const isGood = ({ isCurrent, validUntilTs }: KnownKey): boolean => isCurrent && validUntilTs >= now
    return this.#find(server, keyIds, { isGood, until: now, beforeAsking })
  }

  /**
   * Whether a server has signed an object, with a key that it had at a time if one is given, in milliseconds since 1970.
   * `unknown-key` when none of its keys that signed can be had.
   */
  async verifyJson(
    server: ServerName,
    json: JsonObject,
    { at, ...options }: CanonicalJsonOptions & { readonly at?: number } = {},
  ): Promise<SignatureVerdict> {
    const keyIds = signingKeyIds(json, server)
    if (keyIds.length > maxSignatures) return 'invalid'
    const keys = keyIds.length === 0 ? new Map<string, VerifyKey>() : await this.find(server, keyIds, at)
    return verifySignedJson(json, server, (keyId) => keys.get(keyId), options)
  }

  /** Asks a server for its keys anew, if it was not just now. */
  refresh(server: ServerName): Promise<void> {
    return this.#withinDeadline(this.#direct.ask(server))
  }

  async #find(
    server: ServerName,
    keyIds: readonly string[],
    { isGood, until, beforeAsking }: Search,
  ): Promise<ReadonlyMap<string, VerifyKey>> {
    const look = async (load: 'load' | 'reload') => {
      const known = await this.#keys[load](server)
      const good = new Map<string, VerifyKey>()
      for (const keyId of keyIds) {
        const key = known.get(keyId)
        if (key !== undefined && isGood(key)) good.set(keyId, key.key)
      }
      return good
    }
    const wasLoaded = this.#keys.isLoaded(server)
    let good = await look('load')
    if (good.size === 0 && wasLoaded) good = await look('reload')
    if (good.size > 0 || keyIds.length === 0) return good
    await beforeAsking?.()
    await this.#withinDeadline(this.#ask(server, keyIds, until, async () => (await look('load')).size > 0))
    return look('load')
  }

  /** Asks the server and, if that does not bring the key soon, the notaries as well. */
  async #ask(
    server: ServerName,
    keyIds: readonly string[],
    until: number | undefined,
    isKnown: () => Promise<boolean>,
  ): Promise<void> {
    const direct = this.#direct.ask(server)
    await this.#within(patienceMs, direct)
    if (await isKnown()) return
    const viaNotaries = this.#viaNotaries.ask(server, keyIds, until)
    // Whichever comes first with the key; the other when that was in vain.
    await Promise.race([direct, viaNotaries])
    if (!(await isKnown())) await Promise.all([direct, viaNotaries])
  }

  async #ensureCurrent(server: ServerName): Promise<void> {
    const now = this.#deps.clock.now()
    const known = await this.#keys.load(server)
    if (![...known.values()].some((key) => key.isCurrent && key.validUntilTs >= now)) await this.#direct.ask(server)
  }

  #withinDeadline(work: Promise<void>): Promise<void> {
    return this.#within(deadlineMs, work)
  }

  /** Resolves when the work is done, or after some milliseconds; it then goes on by itself. */
  async #within(ms: number, work: Promise<void>): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = this.#deps.clock.setTimer(ms, resolve)
    // What fails afterwards is nobody's concern any more.
    work.catch(() => undefined)
    try {
      await Promise.race([work, late])
    } finally {
      timer.cancel()
    }
  }
}

interface Search {
  readonly isGood: (key: KnownKey) => boolean
  /** Until when the key should be valid, in milliseconds since 1970. */
  readonly until: number | undefined
  readonly beforeAsking?: (() => Promise<void>) | undefined
}

function signingKeyIds(json: JsonObject, server: ServerName): string[] {
  const signatures = json['signatures']
  if (!isJsonObject(signatures) || !Object.hasOwn(signatures, server)) return []
  const own = signatures[server]
  return isJsonObject(own) ? Object.keys(own).filter((keyId) => keyId.startsWith('ed25519:')) : []
}
