import { verifySignedJson } from '@hearth/crypto'
import { isServerName, type JsonObject, type ServerName } from '@hearth/protocol'
import { LruCache, type Clock, type Logger } from '@hearth/runtime'
import { readKeyDocument } from './key-document.ts'
import type { KeyCriteria } from '@hearth/federation-client'
import type { KeySource } from './key-source.ts'
import type { KeyStore } from './key-store.ts'

const deadlineMs = 10_000
const serversPerQuery = 100
/** A notary may tell of a server's old keys in documents of their own. */
const documentsPerServer = 10
const maxWaiting = 5_000
/** What notaries do not know now they will not know in a moment. */
const pauseMs = 60_000
const maxRemembered = 50_000

interface Waiting {
  /** By key id, until when it should be valid, in milliseconds since 1970. */
  readonly keyIds: Map<string, number | undefined>
  readonly done: Promise<void>
  readonly resolve: () => void
}

/** Asks the notaries that are trusted for the keys of other servers, in bulk: what is asked while a query runs goes into the next. */
export class NotaryQueries {
  readonly #source: KeySource
  readonly #keys: KeyStore
  readonly #notaries: readonly ServerName[]
  readonly #keysOf: (notary: ServerName) => Promise<unknown>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #waiting = new Map<ServerName, Waiting>()
  readonly #pausedUntil = new LruCache<ServerName, number>({ name: 'unknown-to-notaries', maxEntries: maxRemembered })
  /** Notaries that have failed since they last gave something: that is news once. */
  readonly #failing = new Set<ServerName>()
  #isRunning = false

  constructor(deps: {
    readonly source: KeySource
    readonly keys: KeyStore
    readonly notaries: readonly ServerName[]
    /** Sees to it that a notary's own keys are known. */
    readonly askDirectly: (notary: ServerName) => Promise<unknown>
    readonly clock: Clock
    readonly logger: Logger
  }) {
    this.#source = deps.source
    this.#keys = deps.keys
    this.#notaries = deps.notaries
    this.#keysOf = deps.askDirectly
    this.#clock = deps.clock
    this.#logger = deps.logger
  }

  /** Asks for keys of a server, unless that was done just now. Resolves when what the notaries know is kept. */
  ask(server: ServerName, keyIds: readonly string[], until: number | undefined): Promise<void> {
    if (this.#notaries.length === 0 || this.#notaries.includes(server)) return Promise.resolve()
    if ((this.#pausedUntil.get(server) ?? 0) > this.#clock.monotonic()) return Promise.resolve()
    let waiting = this.#waiting.get(server)
    if (waiting === undefined) {
      if (this.#waiting.size >= maxWaiting) return Promise.resolve()
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting = { keyIds: new Map(), done: promise, resolve }
      this.#waiting.set(server, waiting)
    }
    for (const keyId of keyIds) if (waiting.keyIds.size < 10) waiting.keyIds.set(keyId, until)
    if (!this.#isRunning) void this.#run()
    return waiting.done
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.size > 0) {
      const batch = new Map([...this.#waiting].slice(0, serversPerQuery))
      for (const server of batch.keys()) this.#waiting.delete(server)
      await Promise.all(this.#notaries.map((notary) => this.#query(notary, batch)))
      for (const [server, { resolve }] of batch) {
        this.#pausedUntil.set(server, this.#clock.monotonic() + pauseMs)
        resolve()
      }
    }
    this.#isRunning = false
  }

  async #query(notary: ServerName, batch: ReadonlyMap<ServerName, Waiting>): Promise<void> {
    try {
      await this.#keysOf(notary)
      const answer = await this.#source.queryKeys(notary, wantedOf(batch), { deadlineMs })
      for (const document of answer.slice(0, batch.size * documentsPerServer)) await this.#take(notary, batch, document)
      this.#failing.delete(notary)
    } catch (error) {
      const level = this.#failing.has(notary) ? 'debug' : 'info'
      this.#failing.add(notary)
      this.#logger[level]('a notary did not give keys', { notary, error: (error as Error).message })
    }
  }

  /** Keeps a document that was asked for and that its server as well as the notary has signed. */
  async #take(notary: ServerName, batch: ReadonlyMap<ServerName, unknown>, document: JsonObject): Promise<void> {
    const server = document['server_name']
    if (typeof server !== 'string' || !isServerName(server) || !batch.has(server)) return
    const now = this.#clock.now()
    const known = readKeyDocument(document, server, now)
    if (known === undefined) return
    const notaryKeys = await this.#keys.load(notary)
    const findKey = (keyId: string) => {
      const found = notaryKeys.get(keyId)
      return found?.isCurrent === true && found.validUntilTs >= now ? found.key : undefined
    }
    if (verifySignedJson(document, notary, findKey) === 'valid') await this.#keys.put(known, false)
  }
}

function wantedOf(batch: ReadonlyMap<ServerName, Waiting>): KeyCriteria {
  return Object.fromEntries(
    [...batch].map(([server, { keyIds }]) => [
      server,
      Object.fromEntries(
        [...keyIds].map(([keyId, until]) => [keyId, until === undefined ? {} : { minimum_valid_until_ts: until }]),
      ),
    ]),
  )
}
