import type { TestClient } from '../test-client.ts'
import { TestServer } from '../test-server.ts'
import { TestCa } from '../tls/test-ca.ts'
import { JumpingClock } from './jumping-clock.ts'
import { SimulatedNetwork } from './simulated-network.ts'

/** A server of a simulation, with its users. */
export interface SimulatedServer {
  readonly name: string
  readonly server: TestServer
  readonly users: readonly TestClient[]
}

const usersOfServer = 2

/** Several servers of this process that reach one another over a simulated network, by a clock that can be set forward. */
export class SimulatedWorld implements AsyncDisposable {
  readonly network: SimulatedNetwork
  readonly clock: JumpingClock
  readonly servers: readonly SimulatedServer[]
  readonly #ca: TestCa

  private constructor(deps: {
    ca: TestCa
    network: SimulatedNetwork
    clock: JumpingClock
    servers: readonly SimulatedServer[]
  }) {
    this.#ca = deps.ca
    this.network = deps.network
    this.clock = deps.clock
    this.servers = deps.servers
  }

  /** Starts servers with these names. */
  static async start(
    names: readonly string[],
    settings: Readonly<Record<string, string>> = {},
  ): Promise<SimulatedWorld> {
    const ca = await TestCa.create()
    const network = new SimulatedNetwork(ca)
    const clock = new JumpingClock()
    const servers: SimulatedServer[] = []
    for (const name of names) {
      const server = await TestServer.start({
        network: await network.of(name),
        clock,
        settings: { HEARTH_SERVER_NAME: name, HEARTH_NETWORK_CA_FILE: ca.caFile, ...settings },
      })
      network.locate(name, server.url)
      const users: TestClient[] = []
      for (let i = 0; i < usersOfServer; i++) users.push(await server.register(`user${i}`))
      servers.push({ name, server, users })
    }
    return new SimulatedWorld({ ca, network, clock, servers })
  }

  /** Joins a room, once more as long as requests get lost. */
  async join(user: TestClient, roomId: string, via: string): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const path = `join/${encodeURIComponent(roomId)}`
      const answer = await user.request('POST', path, { query: { via }, body: {} })
      if (answer.status === 200) return
      if (attempt >= 20) throw new Error(`${user.userId} cannot join: ${answer.status} ${answer.text}`)
      this.clock.jump(60_000)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network.heal()
    for (const { server } of this.servers) await server.stop()
    await this.network[Symbol.asyncDispose]()
    await this.#ca[Symbol.asyncDispose]()
  }
}
