import { backoffDelay, SystemClock, type Clock, type Logger, type Metrics } from '@hearth/runtime'
import { Pool, type PoolClient, type QueryResult } from 'pg'
import { clientConfig, CONNECT_TIMEOUT_MS, type StatementLimits } from './client-config.ts'
import { asCallerError, DatabaseUnavailable, isConnectionLoss, isSqlError, isStalePlan, sqlState } from './errors.ts'
import type { Queryable, SqlValue } from './queryable.ts'
import { ReadConnection } from './read-connection.ts'
import { publishStatistics, type DatabaseStatistics } from './statistics.ts'
import type { ServerInfo } from './server-check.ts'
import { queryConfig, Transaction } from './transaction.ts'

export interface DatabaseOptions extends StatementLimits {
  /** A `postgresql://` URL. */
  readonly url: string
  readonly logger: Logger
  readonly clock?: Clock
  readonly metrics?: Metrics
  /** Connections for writes and transactions, besides the one for reads; 10 when absent. */
  readonly poolSize?: number
  /** How long a statement waits for a database that is away, in milliseconds; 5 s when absent. */
  readonly waitMs?: number
  /** How long `open` waits for a server that is starting, in milliseconds; 10 s when absent. */
  readonly openWaitMs?: number
}

export interface TransactionOptions {
  /** `read committed` when absent. */
  readonly isolation?: 'repeatable read' | 'serializable'
  readonly readOnly?: boolean
}

export interface DatabaseHealth {
  readonly ok: boolean
  /** Why not. */
  readonly reason?: string
}

const HEALTH_TIMEOUT_MS = 2_000
/** How often work that lost a deadlock or a serialization conflict is run in all. */
const TRANSACTION_ATTEMPTS = 4
/** Beyond this many callers waiting for a connection, further ones are refused instead of piling up. */
const MAX_POOL_WAITING = 2_000

/**
 * The connections to PostgreSQL: one for reads, which all callers share (`read`), and a pool for writes and transactions.
 * When the server goes away, statements in flight fail with `DatabaseUnavailable`, later ones wait for its return.
 */
export class Database implements Queryable {
  readonly server: ServerInfo
  readonly #reader: ReadConnection
  readonly #pool: Pool
  readonly #clock: Clock
  readonly #waitMs: number
  /** The pool's connections that have prepared no statement before the tables changed. */
  #fresh = new WeakSet<PoolClient>()
  #statements = 0

  private constructor(deps: {
    readonly server: ServerInfo
    readonly reader: ReadConnection
    readonly pool: Pool
    readonly clock: Clock
    readonly waitMs: number
  }) {
    this.server = deps.server
    this.#reader = deps.reader
    this.#pool = deps.pool
    this.#clock = deps.clock
    this.#waitMs = deps.waitMs
    deps.pool.on('connect', (client) => this.#fresh.add(client))
  }

  /**
   * Connects. Throws `UnsuitableDatabase` when the database's version, encoding or collation is not right,
   * `DatabaseUnavailable` when it cannot be reached, and the driver's error when it refuses the credentials.
   */
  static async open(options: DatabaseOptions): Promise<Database> {
    const { url, logger, clock = new SystemClock(), poolSize = 10, waitMs = 5_000, openWaitMs = 10_000 } = options
    const config = clientConfig(url, options)
    const reader = new ReadConnection({ config, clock, logger })
    const server = await reader.open(openWaitMs).catch((error: unknown) => {
      throw isConnectionLoss(error) ? unreachable(error) : error
    })
    const pool = new Pool({ ...config, max: poolSize, min: 2, idleTimeoutMillis: 60_000 })
    // The pool has already dropped an idle client that fails; the reader finds out on its own.
    pool.on('error', () => undefined)
    // A client that fails while in use fails its statement as well, which is where that is handled.
    pool.on('connect', (client) => client.on('error', () => undefined))
    const database = new Database({ server, reader, pool, clock, waitMs })
    if (options.metrics !== undefined) publishStatistics(options.metrics, () => database.statistics())
    return database
  }

  async read<R extends object>(name: string | null, text: string, values: readonly SqlValue[] = []): Promise<R[]> {
    for (let attempt = 1; ; attempt++) {
      if (!this.#reader.available) await this.#reader.whenAvailable(this.#waitMs)
      this.#statements++
      try {
        return (await this.#reader.query<R>(name, text, values)).rows
      } catch (error) {
        // The statement was refused before it ran, and the connection that had prepared it is being replaced.
        if (attempt > 1 || !isStalePlan(error)) throw asCallerError(error)
      }
    }
  }

  async query<R extends object>(name: string | null, text: string, values: readonly SqlValue[] = []): Promise<R[]> {
    return (await this.#single<R>(name, text, values)).rows
  }

  async execute(name: string | null, text: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.#single(name, text, values)).rowCount ?? 0
  }

  /**
   * Runs `work` in a transaction: committed when it resolves, rolled back when it throws. `work` may be run again from its
   * start when it lost a deadlock or a serialization conflict, so it must have no effects outside of the transaction.
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(work, beginStatement(options))
      } catch (error) {
        if (attempt >= TRANSACTION_ATTEMPTS || !mayBeRepeated(error)) throw asCallerError(error)
        await this.#clock.sleep(backoffDelay(attempt - 1, { baseMs: 5, maxMs: 100 }))
      }
    }
  }

  /** Statements sent since the start, `BEGIN` and `COMMIT` included. */
  get statements(): number {
    return this.#statements
  }

  statistics(): DatabaseStatistics {
    return {
      available: this.#reader.available,
      statements: this.#statements,
      connectionsLost: this.#reader.losses,
      readsInFlight: this.#reader.inFlight,
      poolSize: this.#pool.totalCount,
      poolIdle: this.#pool.idleCount,
      poolWaiting: this.#pool.waitingCount,
    }
  }

  /** Asks the server for a sign of life, for at most 2 seconds. */
  async health(): Promise<DatabaseHealth> {
    if (!this.#reader.available) return { ok: false, reason: 'the database cannot be reached' }
    const done = new AbortController()
    try {
      return await Promise.race([
        this.read('database.health', 'select 1').then(() => ({ ok: true })),
        this.#clock.sleep(HEALTH_TIMEOUT_MS, done.signal).then(
          () => ({ ok: false, reason: 'the database does not answer' }),
          () => ({ ok: false }),
        ),
      ])
    } catch (error) {
      return { ok: false, reason: error instanceof Error ? error.message : String(error) }
    } finally {
      done.abort()
    }
  }

  /** Waits for what is running and disconnects. */
  async close(): Promise<void> {
    await Promise.all([this.#reader.close(), this.#pool.end()])
  }

  async #single<R extends object>(
    name: string | null,
    text: string,
    values: readonly SqlValue[],
  ): Promise<QueryResult<R & Record<string, unknown>>> {
    for (let attempt = 1; ; attempt++) {
      const client = await this.#acquire()
      this.#statements++
      try {
        const result = await client.query<R & Record<string, unknown>>(queryConfig(name, text, values))
        client.release()
        return result
      } catch (error) {
        this.#giveBack(client, error)
        if (attempt > 1 || !isStalePlan(error)) throw asCallerError(error)
      }
    }
  }

  async #attempt<T>(work: (tx: Transaction) => Promise<T>, begin: string): Promise<T> {
    const client = await this.#acquire()
    const tx = new Transaction({ client, onStatement: () => this.#statements++ })
    this.#statements++
    // Sent together with the first statement of `work`. When it fails so does that one, and this error is the cause.
    const begun = client.query(begin)
    begun.catch(() => undefined)
    let result: T
    try {
      result = await work(tx)
      await begun
    } catch (error) {
      tx.close()
      await this.#rollBack(client, error)
      throw error
    }
    tx.close()
    this.#statements++
    try {
      const { command } = await client.query('commit')
      // A transaction in which a statement failed answers COMMIT with ROLLBACK, and no error.
      if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a failed statement in it was ignored')
      client.release()
    } catch (error) {
      client.release(true)
      throw error
    }
    return result
  }

  /** Puts a connection back after a statement failed, or drops it when it must not be used again. */
  #giveBack(client: PoolClient, error: unknown): void {
    const stale = isStalePlan(error)
    // The others have prepared it as well.
    if (stale) this.#fresh = new WeakSet()
    client.release(stale || isConnectionLoss(error))
  }

  async #rollBack(client: PoolClient, reason: unknown): Promise<void> {
    if (isStalePlan(reason) || isConnectionLoss(reason)) {
      this.#giveBack(client, reason)
      return
    }
    this.#statements++
    try {
      await client.query('rollback')
      client.release()
    } catch {
      client.release(true)
    }
  }

  async #acquire(): Promise<PoolClient> {
    const end = this.#clock.monotonic() + this.#waitMs
    if (this.#pool.waitingCount >= MAX_POOL_WAITING) {
      throw new DatabaseUnavailable('too many statements are waiting for a connection', { outcome: 'none' })
    }
    for (let attempt = 0; ; attempt++) {
      await this.#reader.whenAvailable(Math.max(0, end - this.#clock.monotonic()))
      try {
        const client = await this.#pool.connect()
        if (this.#fresh.has(client)) return client
        client.release(true)
        continue
      } catch (error) {
        if (!isConnectionLoss(error)) throw error
        if (this.#clock.monotonic() >= end) {
          throw new DatabaseUnavailable(`no connection to the database within ${CONNECT_TIMEOUT_MS} ms`, {
            cause: error,
            outcome: 'none',
          })
        }
        await this.#clock.sleep(backoffDelay(attempt, { baseMs: 10, maxMs: 500 }))
      }
    }
  }
}

function unreachable(cause: unknown): DatabaseUnavailable {
  // A host name with several addresses fails with an error that has a code and no text.
  const { message, code } = cause as NodeJS.ErrnoException
  const reason = message === '' ? code : message
  return new DatabaseUnavailable(`the database cannot be reached: ${reason}`, { cause, outcome: 'none' })
}

function beginStatement({ isolation, readOnly = false }: TransactionOptions): string {
  return `begin${isolation === undefined ? '' : ` isolation level ${isolation}`}${readOnly ? ' read only' : ''}`
}

function mayBeRepeated(error: unknown): boolean {
  return (
    isStalePlan(error) ||
    isSqlError(error, sqlState.deadlockDetected) ||
    isSqlError(error, sqlState.serializationFailure)
  )
}
