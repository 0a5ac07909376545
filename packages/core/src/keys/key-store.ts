import { VerifyKey } from '@hearth/crypto'
import type { ServerName } from '@hearth/protocol'
import { LruCache, Unavailable, type Clock, type Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { KnownDocument } from './key-document.ts'

/** A key of another server, ready to be used. */
export interface KnownKey {
  readonly key: VerifyKey
  /** Whether requests may be signed with it, not only events. */
  readonly isCurrent: boolean
  /** In milliseconds since 1970. */
  readonly validUntilTs: number
}

/** The keys of a server by their ids. */
export type KnownKeys = ReadonlyMap<string, KnownKey>

/** More keys than any server ever had: what a hostile one may fill the database with. */
const maxKeysOfServer = 1_000
/** Keys of servers of which nothing else is stored: anybody can have them asked for, with names that nobody knew. */
const strangersKeptMs = 7 * 24 * 60 * 60 * 1_000
const putsPerPruning = 200
const maxPutsTogether = 100
const cacheBytes = 32 * 1024 * 1024
const bytesOfKey = 1_000

/** What is to be kept with the next transaction. */
interface WaitingPut {
  readonly document: KnownDocument
  readonly firstHand: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The keys of other servers that were ever shown to this one. */
export class KeyStore {
  readonly #store: Store
  readonly #clock: Clock
  readonly #waiting: WaitingPut[] = []
  #isWriting = false
  #puts = 0
  readonly #known: LruCache<ServerName, KnownKeys>

  constructor(deps: { readonly store: Store; readonly clock: Clock; readonly metrics: Metrics }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#known = new LruCache({
      name: 'server-keys',
      maxBytes: cacheBytes,
      sizeOf: (keys) => 200 + keys.size * bytesOfKey,
      metrics: deps.metrics,
    })
  }

  /** Whether `load` would not ask the database. */
  isLoaded(server: ServerName): boolean {
    return this.#known.has(server)
  }

  /** What this process knows of a server, or else the database: another process may have come to know more since. */
  async load(server: ServerName): Promise<KnownKeys> {
    return this.#known.get(server) ?? (await this.reload(server))
  }

  /** What the database knows of a server. */
  async reload(server: ServerName): Promise<KnownKeys> {
    const keys = new Map<string, KnownKey>()
    const rows = (await this.#store.serverKeys.findAll([server])).get(server) ?? []
    for (const { keyId, publicKey, isCurrent, validUntilTs } of rows) {
      const key = VerifyKey.import(publicKey)
      if (key !== undefined) keys.set(keyId, { key, isCurrent, validUntilTs })
    }
    // Whoever claims to be a server that has no keys must not push out those that have some.
    if (keys.size > 0) this.#known.set(server, keys)
    return keys
  }

  /**
   * Keeps what a server said, itself (`firstHand`) or through another. What many servers say at the same time, as when a room
   * of hundreds is joined, is kept together: each by itself would take all connections to the database.
   */
  put(document: KnownDocument, firstHand: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ document, firstHand, resolve, reject })
      if (!this.#isWriting) void this.#writeWaiting()
    })
  }

  async #writeWaiting(): Promise<void> {
    this.#isWriting = true
    while (this.#waiting.length > 0) {
      await this.#writeBatch(this.#waiting.splice(0, maxPutsTogether))
    }
    this.#isWriting = false
  }

  async #writeBatch(batch: readonly WaitingPut[]): Promise<void> {
    try {
      await this.#write(batch)
      for (const { resolve } of batch) resolve()
    } catch (error) {
      // What one server says must not keep the others' from being kept.
      if (batch.length > 1 && !(error instanceof Unavailable)) for (const put of batch) await this.#writeBatch([put])
      else for (const { reject } of batch) reject(error)
    }
  }

  async #write(batch: readonly WaitingPut[]): Promise<void> {
    // In one order everywhere, since each takes a lock for its server.
    const ordered = batch.toSorted((a, b) => (a.document.server < b.document.server ? -1 : 1))
    await this.#store.transaction(async (tx) => {
      for (const { document, firstHand } of ordered) {
        await tx.serverKeys.put(document.server, document.document, document.keys, {
          firstHand,
          maxKeys: maxKeysOfServer,
        })
      }
    })
    for (const { document } of batch) this.#known.delete(document.server)
    this.#puts += batch.length
    if (this.#puts < putsPerPruning) return
    this.#puts = 0
    await this.#store.serverKeys.prune(this.#clock.now() - strangersKeptMs)
  }
}
