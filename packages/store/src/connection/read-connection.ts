import { MAX_TIMER_MS, retry, type Clock, type Logger } from '@hearth/runtime'
import { Client, type ClientConfig, type QueryResult } from 'pg'
import { DatabaseUnavailable, isConnectionLoss, isStalePlan } from './errors.ts'
import { checkServer, type ServerInfo } from './server-check.ts'
import type { SqlValue } from './queryable.ts'
import { queryConfig } from './transaction.ts'

/** Beyond this many answers owed by the server, further reads are refused instead of piling up. */
const MAX_IN_FLIGHT = 10_000

/**
 * The one connection that all short reads of the process share. They are written as they come and answered in order, which
 * is about seven times faster than a pool (ARCHITECTURE.md). It is also how the process knows that the server is there:
 * when it breaks, it is made anew, with growing pauses, and everybody who needs the database waits for that.
 */
export class ReadConnection {
  readonly #config: ClientConfig
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #closing = new AbortController()
  #client: Client | undefined
  #available = Promise.withResolvers<void>()
  #inFlight = 0
  #losses = 0

  constructor(deps: { readonly config: ClientConfig; readonly clock: Clock; readonly logger: Logger }) {
    this.#config = deps.config
    this.#clock = deps.clock
    this.#logger = deps.logger
  }

  get available(): boolean {
    return this.#client !== undefined
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** How often an established connection was lost. */
  get losses(): number {
    return this.#losses
  }

  /** Connects for the first time, waiting at most `deadlineMs` for a server that is starting. */
  async open(deadlineMs: number): Promise<ServerInfo> {
    const end = this.#clock.monotonic() + deadlineMs
    return stayAlive(() =>
      retry(() => this.#connect(), {
        clock: this.#clock,
        baseMs: 20,
        maxMs: 1_000,
        signal: this.#closing.signal,
        retryable: (error) => isConnectionLoss(error) && this.#clock.monotonic() < end,
        onRetry: (error, attempt) => {
          if (attempt === 0) this.#logger.warn('waiting for the database', { error })
        },
      }),
    )
  }

  /** Resolves when the server can be reached; throws `DatabaseUnavailable` after `deadlineMs`. */
  async whenAvailable(deadlineMs: number): Promise<void> {
    if (this.#client !== undefined) return
    const done = new AbortController()
    const late = this.#clock.sleep(deadlineMs, done.signal).then(
      () => {
        throw new DatabaseUnavailable('the database cannot be reached', { outcome: 'none' })
      },
      () => undefined,
    )
    try {
      await Promise.race([this.#available.promise, late])
    } finally {
      done.abort()
    }
  }

  /** Sends a statement. The caller has waited for `whenAvailable`. */
  async query<R extends object>(
    name: string | null,
    text: string,
    values: readonly SqlValue[],
  ): Promise<QueryResult<R & Record<string, unknown>>> {
    if (this.#client === undefined) throw new DatabaseUnavailable('the database cannot be reached', { outcome: 'none' })
    if (this.#inFlight >= MAX_IN_FLIGHT) {
      throw new DatabaseUnavailable('too many reads are waiting for the database', { outcome: 'none' })
    }
    this.#inFlight++
    const client = this.#client
    try {
      return await client.query<R & Record<string, unknown>>(queryConfig(name, text, values))
    } catch (error) {
      if (isStalePlan(error)) this.#lost(client, error)
      throw error
    } finally {
      this.#inFlight--
    }
  }

  /** Waits for the answers that are owed and disconnects. */
  async close(): Promise<void> {
    this.#closing.abort(new DatabaseUnavailable('the connection to the database is closed', { outcome: 'none' }))
    const client = this.#client
    this.#client = undefined
    this.#available.promise.catch(() => undefined)
    this.#available.reject(this.#closing.signal.reason)
    // It may have been resolved already; whoever asks from now on must not wait.
    this.#available = Promise.withResolvers()
    this.#available.promise.catch(() => undefined)
    this.#available.reject(this.#closing.signal.reason)
    await client?.end()
  }

  async #connect(): Promise<ServerInfo> {
    const client = new Client(this.#config)
    client.on('error', (error) => this.#lost(client, error))
    try {
      await client.connect()
      const info = await checkServer(client)
      this.#closing.signal.throwIfAborted()
      client.on('end', () => this.#lost(client, new Error('Connection terminated')))
      this.#client = client
      this.#available.resolve()
      return info
    } catch (error) {
      void client.end()
      throw error
    }
  }

  #lost(client: Client, error: unknown): void {
    if (client !== this.#client) return
    this.#client = undefined
    this.#available = Promise.withResolvers()
    this.#losses++
    this.#logger.warn('the connection to the database was lost', { error })
    void client.end()
    void this.#reconnect()
  }

  async #reconnect(): Promise<void> {
    try {
      await stayAlive(() =>
        retry(() => this.#connect(), {
          clock: this.#clock,
          baseMs: 20,
          maxMs: 2_000,
          signal: this.#closing.signal,
          onRetry: (error, attempt) => this.#logger.debug('the database cannot be reached yet', { error, attempt }),
        }),
      )
      this.#logger.info('connected to the database again')
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#logger.error('gave up connecting to the database', { error })
    }
  }
}

/**
 * Keeps the process running until `work` has settled. Waiting does not do that by itself, and a connection that is gone does
 * not either: a process that does nothing but work on the database would end when it goes away.
 */
async function stayAlive<T>(work: () => Promise<T>): Promise<T> {
  const anchor = setInterval(() => undefined, MAX_TIMER_MS)
  try {
    return await work()
  } finally {
    clearInterval(anchor)
  }
}
