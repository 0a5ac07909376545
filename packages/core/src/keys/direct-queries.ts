import type { ServerName } from '@hearth/protocol'
import { backoffDelay, LruCache, Semaphore, Unavailable, type Clock, type Logger } from '@hearth/runtime'
import type { FederationPolicy } from '../servers/federation-policy.ts'
import { readKeyDocument } from './key-document.ts'
import type { KeySource } from './key-source.ts'
import type { KeyStore } from './key-store.ts'

const deadlineMs = 10_000
/**
 * A server is not asked again and again, whatever keys it is said to have: anybody can say so. It may be asked some times at
 * once, and then once in a while.
 */
const questionsAtOnce = 5
const msPerQuestion = 10_000
/** When it has failed twice in a row, it is left alone. */
const backoff = { baseMs: 10_000, maxMs: 10 * 60 * 1_000 }
const maxRemembered = 50_000

interface Asked {
  /** How often in a row there was no answer. */
  readonly failures: number
  /** When to ask again at the earliest, monotonic, in milliseconds. */
  readonly nextAt: number
  /** When it would have been asked as often if it were asked once in `msPerQuestion`, monotonic, in milliseconds. */
  readonly askedUntil: number
}

/** Asks servers for their own keys: each once at a time and not too often, not too many together. */
export class DirectQueries {
  readonly #source: KeySource
  readonly #keys: KeyStore
  readonly #policy: FederationPolicy
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #running = new Map<ServerName, Promise<void>>()
  readonly #asked = new LruCache<ServerName, Asked>({ name: 'asked-for-keys', maxEntries: maxRemembered })
  readonly #slots = new Semaphore({ name: 'key queries', permits: 50, maxWaiting: 2_000 })

  constructor(deps: {
    readonly source: KeySource
    readonly keys: KeyStore
    readonly policy: FederationPolicy
    readonly clock: Clock
    readonly logger: Logger
  }) {
    this.#source = deps.source
    this.#keys = deps.keys
    this.#policy = deps.policy
    this.#clock = deps.clock
    this.#logger = deps.logger
  }

  /** Whether a server would be asked now. */
  mayAsk(server: ServerName): boolean {
    if (!this.#policy.allows(server)) return false
    return this.#running.has(server) || (this.#asked.get(server)?.nextAt ?? 0) <= this.#clock.monotonic()
  }

  /** Asks a server, unless it is not its turn; what it says is kept. Resolves when there is no more to wait for. */
  ask(server: ServerName): Promise<void> {
    if (!this.mayAsk(server)) return Promise.resolve()
    const running = this.#running.get(server)
    if (running !== undefined) return running
    const asking = this.#ask(server).finally(() => this.#running.delete(server))
    this.#running.set(server, asking)
    return asking
  }

  async #ask(server: ServerName): Promise<void> {
    let answer
    try {
      answer = await this.#slots.run(() => this.#source.getServerKeys(server, { deadlineMs }))
    } catch (error) {
      // That so many are asked says nothing about this one.
      if (!(error instanceof Unavailable)) this.#failed(server, error)
      return
    }
    const known = readKeyDocument(answer, server, this.#clock.now())
    if (known === undefined) {
      this.#failed(server, new Error('what it says of its keys is not to be believed'))
      return
    }
    this.#note(server, 0)
    await this.#keys.put(known, true)
  }

  #failed(server: ServerName, error: unknown): void {
    const failures = (this.#asked.get(server)?.failures ?? 0) + 1
    this.#note(server, failures)
    this.#logger.info('a server did not give its keys', { server, failures, error: (error as Error).message })
  }
  #note(server: ServerName, failures: number): void {
    const now = this.#clock.monotonic()
    const askedUntil = Math.max(this.#asked.get(server)?.askedUntil ?? 0, now) + msPerQuestion
    const delayMs = failures < 2 ? 0 : backoffDelay(failures - 2, backoff)
    const nextAt = Math.max(now + delayMs, askedUntil - (questionsAtOnce - 1) * msPerQuestion)
    this.#asked.set(server, { failures, nextAt, askedUntil })
  }
}
