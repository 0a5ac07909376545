import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Network } from '@hearth/federation-client'
import { createLogger, type Clock } from '@hearth/runtime'
import { loadConfig, startServer, type HearthServer } from '@hearth/server'
import type { Store } from '@hearth/store'
import { createTestDatabase } from './database.ts'
import type { TestDatabase } from './test-postgres.ts'
import { TestClient } from './test-client.ts'

export interface TestServerOptions {
  /** Settings as environment variables: `HEARTH_REGISTRATION_MODE`. */
  readonly settings?: Readonly<Record<string, string>>
  readonly clock?: Clock
  /** The database of another server, to run a second process of the same deployment that hears of the other by looking. */
  readonly database?: TestDatabase
  /** Another process of the same deployment, which shares its database, data directory and settings. They need a Redis. */
  readonly beside?: TestServer
  /** Whether passwords are hashed at the cost that people's are; cheaply otherwise, since tests have thousands. */
  readonly realPasswordCost?: boolean
  /** Where its requests to other servers go; the machine's network when absent. */
  readonly network?: Network
}

const defaults = {
  HEARTH_SERVER_NAME: 'hearth.test',
  HEARTH_LISTEN: 'http://127.0.0.1:0',
  HEARTH_REGISTRATION_MODE: 'open',
  HEARTH_REGISTRATION_SHARED_SECRET: 'shared secret of tests',
  HEARTH_RATE_LIMITS_ENABLED: 'false',
  HEARTH_LOG_LEVEL: 'error',
  HEARTH_FEDERATION_NOTARIES: '',
}

const cheapHashes = { memoryCost: 64, timeCost: 1, parallelism: 1 }

/** A whole server in this process, on a database of its own, reached over HTTP. */
export class TestServer {
  readonly database: TestDatabase
  readonly #dataDir: string
  readonly #options: TestServerOptions
  #server: HearthServer

  private constructor(deps: {
    database: TestDatabase
    dataDir: string
    options: TestServerOptions
    server: HearthServer
  }) {
    this.database = deps.database
    this.#dataDir = deps.dataDir
    this.#options = deps.options
    this.#server = deps.server
  }

  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    const { beside } = options
    const database = beside?.database ?? options.database ?? (await createTestDatabase())
    const dataDir = beside ? beside.#dataDir : await mkdtemp(join(tmpdir(), 'hearth-test-'))
    const settings = { ...(beside && beside.#options.settings), ...options.settings }
    const server = await run(database, dataDir, { ...options, settings })
    return new TestServer({ database, dataDir, options: { ...options, settings }, server })
  }

  get url(): string {
    return this.#server.urls[0]!.replace(/\/$/, '')
  }

  /** A figure of the server's, as operators see it; the sum over its labels unless they are given, 0 when there is none. */
  async figure(name: string, labels = ''): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    return lines.filter((line) => line.includes(labels)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  get store(): Store {
    return this.#server.store
  }

  /** A client that is not logged in. */
  get anonymous(): TestClient {
    return new TestClient({ baseUrl: () => this.url })
  }

  /** Registers an account and gives a client that is logged in to it. */
  register(username: string, password = `${username}'s password`): Promise<TestClient> {
    return this.anonymous.register(username, password)
  }

  /** Stops the server and starts it again on the same database and data directory. */
  async restart(): Promise<void> {
    await this.#server.stop()
    this.#server = await run(this.database, this.#dataDir, this.#options)
  }

  /** Stops the server and removes what it leaves, its database included unless another server gave it. */
  async stop(): Promise<void> {
    await this.#server.stop()
    if (this.#options.beside) return
    await rm(this.#dataDir, { recursive: true, force: true })
    if (!this.#options.database) await this.database.drop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

function run(
  database: TestDatabase,
  dataDir: string,
  { settings, clock, network, realPasswordCost = false }: TestServerOptions,
): Promise<HearthServer> {
  const environment = { ...defaults, ...settings, HEARTH_DATABASE_URL: database.url, HEARTH_DATA_DIR: dataDir }
  const { config } = loadConfig({ environment, workingDirectory: dataDir })
  return startServer(config, createLogger({ level: config.logLevel }), {
    checkResponses: true,
    ...(!realPasswordCost && { passwordCost: cheapHashes }),
    ...(clock && { clock }),
    ...(network && { network }),
  })
}
