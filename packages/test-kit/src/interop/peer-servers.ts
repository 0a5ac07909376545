import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createTestDatabase } from '../database.ts'
import { freePort } from '../free-port.ts'
import { NginxProcess } from '../nginx-process.ts'
import { RedisServer } from '../redis-server.ts'
import { ServerProcess } from '../server-process.ts'
import { TestClient } from '../test-client.ts'
import type { TestDatabase } from '../test-postgres.ts'
import { TestServer } from '../test-server.ts'
import { TestCa } from '../tls/test-ca.ts'
import { FederationGate } from './federation-gate.ts'
import { SynapseServer, type SynapseFederation } from './synapse-server.ts'

/** What tests use of a server, whoever made it. */
export interface Peer {
  readonly serverName: string
  register(username: string): Promise<TestClient>
}

/** A Hearth in the process of the test. */
export interface HearthPeer extends Peer {
  readonly server: TestServer
}

/** A Hearth in a process of its own, which can be killed. */
export interface HearthProcessPeer extends Peer {
  readonly server: ServerProcess
}

/** Processes of one Hearth behind an nginx. */
export interface HearthBehindNginx extends Peer {
  /** Each keeps its port when it is started again. */
  readonly processes: readonly ServerProcess[]
  readonly nginx: NginxProcess
  readonly redis: RedisServer
  /** A client that is not logged in. */
  readonly anonymous: TestClient
}

const host = '127.0.0.1'

/**
 * Servers that find each other at ports of this machine and trust the same authority. Their names are their addresses, so
 * that no DNS is needed. Everything ends with the instance.
 */
export class PeerServers implements AsyncDisposable {
  readonly ca: TestCa
  readonly #stack: AsyncDisposableStack
  #synapseDatabases: Promise<TestDatabase> | undefined

  private constructor(ca: TestCa, stack: AsyncDisposableStack) {
    this.ca = ca
    this.#stack = stack
  }

  static async create(): Promise<PeerServers> {
    const stack = new AsyncDisposableStack()
    return new PeerServers(stack.use(await TestCa.create()), stack)
  }

  /** Starts a Hearth that serves clients with HTTP and other servers with HTTPS. */
  async hearth(settings: Readonly<Record<string, string>> = {}): Promise<HearthPeer> {
    const { serverName, settings: own } = await this.#hearthSettings()
    const server = this.#stack.use(await TestServer.start({ settings: { ...own, ...settings } }))
    return { serverName, server, register: (username) => server.register(username) }
  }

  /** Starts a Hearth behind a gate. */
  async gatedHearth(): Promise<HearthPeer & { readonly gate: FederationGate }> {
    const gate = await this.#gate()
    const settings = { ...this.#trust(), HEARTH_SERVER_NAME: gate.serverName }
    const server = this.#stack.use(await TestServer.start({ settings }))
    gate.leadTo(server.url)
    return { serverName: gate.serverName, server, register: (username) => server.register(username), gate }
  }

  /** Starts such a Hearth in a process of its own. */
  async hearthProcess(settings: Readonly<Record<string, string>> = {}): Promise<HearthProcessPeer> {
    const database = this.#stack.use(await createTestDatabase())
    const { serverName, settings: own } = await this.#hearthSettings()
    const server = this.#stack.use(await ServerProcess.start({ settings: { ...own, ...settings }, database }))
    return { serverName, server, register: (username) => server.register(username) }
  }

  /** Starts so many processes of one Hearth, with a Redis, behind an nginx with the files that are shipped. */
  async hearthBehindNginx(count: number): Promise<HearthBehindNginx> {
    const database = this.#stack.use(await createTestDatabase())
    const redis = this.#stack.use(await RedisServer.start())
    const nginx = this.#stack.use(await NginxProcess.start({ certificate: await this.ca.issue([host, 'localhost']) }))
    const serverName = `${host}:${nginx.ports.https}`
    const shared = { ...this.#trust(), HEARTH_SERVER_NAME: serverName, HEARTH_REDIS_URL: redis.url }
    const processes: ServerProcess[] = []
    for (let number = 0; number < count; number += 1) {
      const settings = { ...shared, HEARTH_PUBLIC_URL: nginx.url, HEARTH_LISTEN: `http://${host}:${await freePort()}` }
      const [beside] = processes
      const options = { settings, database, ...(beside && { beside }) }
      processes.push(this.#stack.use(await ServerProcess.start(options)))
    }
    await nginx.leadTo(processes.map(({ url }) => url))
    const anonymous = new TestClient({ baseUrl: () => nginx.url })
    const register = (username: string) => anonymous.register(username, `${username}'s password`)
    return { serverName, processes, nginx, redis, anonymous, register }
  }

  /** Starts a Synapse. */
  async synapse(): Promise<SynapseServer> {
    const port = await freePort()
    return this.#synapse(`${host}:${port}`, { port, ...(await this.ca.issue(host)) })
  }

  /** Starts a Synapse behind a gate. */
  async gatedSynapse(): Promise<Peer & { readonly gate: FederationGate }> {
    const gate = await this.#gate()
    const server = await this.#synapse(gate.serverName)
    gate.leadTo(server.url)
    return { serverName: gate.serverName, register: (username) => server.register(username), gate }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #synapse(serverName: string, tls?: SynapseFederation['tls']): Promise<SynapseServer> {
    const directory = await mkdtemp(join(tmpdir(), 'hearth-synapse-'))
    this.#stack.defer(() => rm(directory, { recursive: true, force: true }))
    this.#synapseDatabases ??= createTestDatabase()
    const server = await SynapseServer.start({
      directory,
      databaseUrl: (await this.#synapseDatabases).url,
      serverName,
      federation: { caFile: this.ca.caFile, ...(tls && { tls }) },
    })
    return this.#stack.use(server)
  }

  async #gate(): Promise<FederationGate> {
    return this.#stack.use(await FederationGate.open(await this.ca.issue(host)))
  }

  #trust(): Record<string, string> {
    return { HEARTH_NETWORK_CA_FILE: this.ca.caFile, HEARTH_NETWORK_ALLOW_PRIVATE_ADDRESSES: 'true' }
  }

  async #hearthSettings(): Promise<{ serverName: string; settings: Record<string, string> }> {
    const { certificateFile, privateKeyFile } = await this.ca.issue(host)
    const serverName = `${host}:${await freePort()}`
    return {
      serverName,
      settings: {
        HEARTH_SERVER_NAME: serverName,
        // The first is the one that test clients use.
        HEARTH_LISTEN: `http://${host}:0,https://${serverName}`,
        HEARTH_TLS_CERTIFICATE: certificateFile,
        HEARTH_TLS_PRIVATE_KEY: privateKeyFile,
        ...this.#trust(),
      },
    }
  }
}
