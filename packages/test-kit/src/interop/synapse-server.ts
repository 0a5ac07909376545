/** One Synapse process on PostgreSQL: the peer of interoperability tests and the baseline of benchmarks. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { freePort } from '../free-port.ts'
import { TestClient } from '../test-client.ts'
import { pythonEnvironment } from './python-environment.ts'

const startLimitMs = 60_000
const stopLimitMs = 10_000

/** @see SynapseServer.start */
export interface SynapseOptions {
  /** An empty directory for configuration, keys, media and log; the caller removes it. */
  readonly directory: string
  /**
   * A database of a PostgreSQL server, as a URL of a role that may create databases; a socket directory goes into `?host=`.
   * The new one's name begins with its.
   */
  readonly databaseUrl: string
  /** Default `localhost`. */
  readonly serverName?: string
  /** 0 or absent picks a free one. */
  readonly port?: number
  /** Absent for a server that no other one talks to. */
  readonly federation?: SynapseFederation
}

/** How other servers reach a Synapse, and how it knows them. */
export interface SynapseFederation {
  /** A listener of its own for other servers, with TLS. Absent when something in front of it ends TLS. */
  readonly tls?: { readonly port: number; readonly certificateFile: string; readonly privateKeyFile: string }
  /** The certificate authority that other servers' certificates have to be of. */
  readonly caFile: string
}

/**
 * A Synapse with rate limits off and registration open, which finds other servers at addresses of this machine. It can be
 * killed and launched again on what it left behind.
 */
export class SynapseServer implements AsyncDisposable {
  readonly url: string
  readonly serverName: string
  readonly registrationSecret: string
  readonly #python: string
  readonly #directory: string
  #child: ChildProcess | undefined

  private constructor(fields: {
    url: string
    serverName: string
    registrationSecret: string
    python: string
    directory: string
  }) {
    this.url = fields.url
    this.serverName = fields.serverName
    this.registrationSecret = fields.registrationSecret
    this.#python = fields.python
    this.#directory = fields.directory
  }

  /**
   * Starts Synapse in a database of its own and waits until it serves.
   *
   * @throws Error with the end of Synapse's log when it does not come up within 60 s
   */
  static async start(options: SynapseOptions): Promise<SynapseServer> {
    const python = await pythonEnvironment()
    const { directory, serverName = 'localhost' } = options
    await mkdir(directory, { recursive: true })
    const database = await createDatabase(python, options.databaseUrl)

    const port = options.port || (await freePort())
    const registrationSecret = randomBytes(24).toString('hex')
    const settings = configurationFor({ ...options, directory, serverName, port, registrationSecret, database })
    // JSON is YAML.
    await writeFile(join(directory, 'homeserver.yaml'), JSON.stringify(settings, undefined, 2))
    await writeFile(join(directory, 'log.yaml'), JSON.stringify(logging(join(directory, 'synapse.log'))))
    await writeFile(
      join(directory, 'signing.key'),
      `ed25519 a_1 ${randomBytes(32).toString('base64').replace(/=+$/, '')}\n`,
    )
    const url = `http://127.0.0.1:${port}`
    const server = new SynapseServer({ url, serverName, registrationSecret, python, directory })
    await server.launch()
    return server
  }

  /** The process id, for measurements of memory. */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** A client that is not logged in. */
  get anonymous(): TestClient {
    return new TestClient({ baseUrl: () => this.url })
  }

  /** Registers an account and gives a client that is logged in to it. */
  register(username: string, password = `${username}'s password`): Promise<TestClient> {
    return this.anonymous.register(username, password)
  }

  /** The end of the log. */
  log(): Promise<string> {
    return endOf(join(this.#directory, 'synapse.log'), 40)
  }

  /** Starts the process again, after it was stopped or killed, and waits until it serves. */
  async launch(): Promise<void> {
    if (this.#isRunning) throw new Error('Synapse runs already')
    const output = await open(join(this.#directory, 'output.log'), 'a')
    const configuration = join(this.#directory, 'homeserver.yaml')
    this.#child = spawn(this.#python, ['-m', 'synapse.app.homeserver', '--config-path', configuration], {
      cwd: this.#directory,
      stdio: ['ignore', output.fd, output.fd],
    })
    await output.close()
    try {
      await this.#untilServing(this.#child)
    } catch (error) {
      await this.stop()
      throw new Error(`Synapse did not start: ${await endOf(join(this.#directory, 'output.log'), 3)}`, { cause: error })
    }
  }

  /** Kills the process, as when the power fails. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Ends the process, by force after 10 s. Its database stays. */
  async stop(): Promise<void> {
    const force = setTimeout(() => this.#child?.kill('SIGKILL'), stopLimitMs)
    await this.#end('SIGTERM')
    clearTimeout(force)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  get #isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (!child || !this.#isRunning) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  async #untilServing(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + startLimitMs
    while (Date.now() < deadline) {
      if (child.exitCode !== null) throw new Error(`Synapse ended with ${child.exitCode}`)
      const response = await fetch(`${this.url}/health`).catch(() => undefined)
      if (response?.ok) return
      await sleep(100)
    }
    throw new Error(`Synapse was not ready within ${startLimitMs / 1000} s`)
  }
}

function configurationFor(
  options: SynapseOptions & {
    readonly serverName: string
    readonly port: number
    readonly registrationSecret: string
    readonly database: string
  },
): object {
  const tls = options.federation?.tls
  const unlimited = { per_second: 1_000_000, burst_count: 1_000_000 }
  return {
    server_name: options.serverName,
    public_baseurl: `http://127.0.0.1:${options.port}/`,
    listeners: [
      {
        port: options.port,
        bind_addresses: ['127.0.0.1'],
        type: 'http',
        tls: false,
        resources: [{ names: ['client', 'federation'] }],
      },
      ...(tls
        ? [
            {
              port: tls.port,
              bind_addresses: ['127.0.0.1'],
              type: 'http',
              tls: true,
              resources: [{ names: ['federation'] }],
            },
          ]
        : []),
    ],
    ...(options.federation && federationSettings(options.federation)),
    database: {
      name: 'psycopg2',
      args: { ...connectionArguments(options.databaseUrl, options.database), cp_min: 5, cp_max: 10 },
    },
    log_config: join(options.directory, 'log.yaml'),
    media_store_path: join(options.directory, 'media'),
    signing_key_path: join(options.directory, 'signing.key'),
    enable_registration: true,
    enable_registration_without_verification: true,
    registration_shared_secret: options.registrationSecret,
    macaroon_secret_key: randomBytes(16).toString('hex'),
    form_secret: randomBytes(16).toString('hex'),
    report_stats: false,
    trusted_key_servers: [],
    rc_message: unlimited,
    rc_registration: unlimited,
    rc_login: { address: unlimited, account: unlimited, failed_attempts: unlimited },
    rc_joins: { local: unlimited, remote: unlimited },
    rc_joins_per_room: unlimited,
    rc_invites: { per_room: unlimited, per_user: unlimited, per_issuer: unlimited },
    rc_room_creation: unlimited,
    rc_presence: { per_user: unlimited },
    room_list_publication_rules: [{ action: 'allow' }],
    rc_federation: {
      window_size: 1000,
      sleep_limit: 1_000_000,
      sleep_delay: 1,
      reject_limit: 1_000_000,
      concurrent: 1_000,
    },
    // Else a sync that is asked for again is given its first answer for two minutes.
    caches: { sync_response_cache_duration: 0 },
    federation_rr_transactions_per_room_per_second: 1_000,
  }
}

/** Peers at addresses of this machine, with certificates of a test authority, asked again soon after they were away. */
function federationSettings({ tls, caFile }: SynapseFederation): object {
  return {
    ...(tls && { tls_certificate_path: tls.certificateFile, tls_private_key_path: tls.privateKeyFile }),
    federation_custom_ca_list: [caFile],
    ip_range_blacklist: [],
    federation: { destination_min_retry_interval: 500, destination_max_retry_interval: 2_000 },
    allow_public_rooms_over_federation: true,
    allow_device_name_lookup_over_federation: true,
  }
}

async function endOf(file: string, lines: number): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trim().split('\n').slice(-lines).join(' | ')
}

function logging(file: string): object {
  return {
    version: 1,
    handlers: { file: { class: 'logging.FileHandler', filename: file } },
    root: { level: 'WARNING', handlers: ['file'] },
  }
}

function connectionArguments(url: string, database: string): Record<string, string> {
  const parsed = new URL(url)
  const host = parsed.searchParams.get('host') ?? parsed.hostname
  return {
    dbname: database,
    ...(host && { host }),
    ...(parsed.port && { port: parsed.port }),
    ...(parsed.username && { user: decodeURIComponent(parsed.username) }),
    ...(parsed.password && { password: decodeURIComponent(parsed.password) }),
  }
}

async function createDatabase(python: string, url: string): Promise<string> {
  const program = `
import json, psycopg2, sys
arguments, name = json.loads(sys.argv[1]), sys.argv[2]
connection = psycopg2.connect(**arguments)
connection.autocommit = True
connection.cursor().execute(f"create database {name} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'")
`
  const maintenance = new URL(url).pathname.slice(1) || 'postgres'
  const database = `${maintenance}_synapse_${randomBytes(3).toString('hex')}`
  const child = spawn(python, ['-c', program, JSON.stringify(connectionArguments(url, maintenance)), database], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const status = await new Promise((resolve) => child.on('close', resolve))
  if (status !== 0) throw new Error(`no database for Synapse: ${errors.trim().split('\n').at(-1)}`)
  return database
}
