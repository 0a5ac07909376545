import { signJson } from '@hearth/crypto'
import { isJsonObject, parseJsonText, type JsonObject, type ServerName } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { ServerKeyDocument, Store } from '@hearth/store'
import type { KeyRing } from './key-ring.ts'
import type { OwnKeys } from './own-keys.ts'

/** Which keys of a server somebody wants to know. */
export interface WantedKeys {
  /** Their ids; all when there are none. */
  readonly keyIds: readonly string[]
  /** Until when they should be valid, in milliseconds since 1970; now when absent. */
  readonly until?: number | undefined
}

interface Document extends Omit<ServerKeyDocument, 'json'> {
  readonly json: JsonObject
}

/** How many documents of one server are looked at. */
const maxDocuments = 50
/** How many documents of one server are given: the newest, and those before it that name other keys. */
const documentsPerServer = 10
/** How many servers one request has asked for anew; of the others it gets what is known. */
const maxRefreshed = 50

/**
 * Tells others what keys servers have, vouching for it with this server's signature.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#querying-keys-through-another-server}
 */
export class Notary {
  readonly #store: Store
  readonly #serverName: ServerName
  readonly #own: OwnKeys
  readonly #keyRing: KeyRing
  readonly #clock: Clock

  constructor(deps: {
    readonly store: Store
    readonly serverName: ServerName
    readonly own: OwnKeys
    readonly keyRing: KeyRing
    readonly clock: Clock
  }) {
    this.#store = deps.store
    this.#serverName = deps.serverName
    this.#own = deps.own
    this.#keyRing = deps.keyRing
    this.#clock = deps.clock
  }

  /**
   * What is known of servers' keys, of each first what was asked for. Servers of which that is not known are asked before,
   * as long as `mayAsk` says so.
   */
  async documentsOf(
    wanted: ReadonlyMap<ServerName, WantedKeys>,
    mayAsk: () => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<JsonObject[]> {
    const others = [...wanted.keys()].filter((server) => server !== this.#serverName)
    const kept = await this.#findDocuments(others)
    const stale = others.filter((server) => !this.#suffices(kept.get(server) ?? [], wanted.get(server)!))
    if (stale.length > 0) {
      const asked: ServerName[] = []
      for (const server of stale.slice(0, maxRefreshed)) if (await mayAsk()) asked.push(server)
      await Promise.all(asked.map((server) => this.#keyRing.refresh(server)))
      for (const [server, documents] of await this.#findDocuments(asked)) kept.set(server, documents)
    }
    const answer = wanted.has(this.#serverName) ? [this.#own.document()] : []
    for (const [server, documents] of kept) {
      const { keyIds } = wanted.get(server)!
      const [named, others] = [documents.filter(names(keyIds)), documents.filter((each) => !names(keyIds)(each))]
      for (const { json } of [...named, ...others].slice(0, documentsPerServer)) answer.push(this.#vouch(json))
      // Signing takes a tenth of a millisecond; others have their turn in between.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return answer
  }

  async #findDocuments(servers: readonly ServerName[]): Promise<Map<ServerName, Document[]>> {
    const found = await this.#store.serverKeys.findDocuments(servers)
    const read = (document: ServerKeyDocument): Document => ({
      ...document,
      json: parseJsonText(document.json) as JsonObject,
    })
    return new Map([...found].map(([server, documents]) => [server, documents.slice(0, maxDocuments).map(read)]))
  }

  /** Whether a document says what is wanted, and is not older than half of its validity if it is to be valid still. */
  #suffices(documents: readonly Document[], { keyIds, until }: WantedKeys): boolean {
    const now = this.#clock.now()
    const [document] = keyIds.length === 0 ? documents : documents.filter(names(keyIds))
    if (document === undefined || document.validUntilTs < (until ?? now)) return false
    if (until !== undefined && until < now) return true
    return now - document.fetchedTs <= (document.validUntilTs - document.fetchedTs) / 2
  }

  #vouch(json: JsonObject): JsonObject {
    return signJson(json, this.#serverName, this.#own.current)
  }
}

/** Whether a document names one of these keys. */
function names(keyIds: readonly string[]): (document: Document) => boolean {
  return ({ json }) =>
    [json['verify_keys'], json['old_verify_keys']].some(
      (keys) => isJsonObject(keys) && keyIds.some((keyId) => Object.hasOwn(keys, keyId)),
    )
}
