import { PeerServers, type HearthPeer, type Peer, type SynapseServer, type TestClient } from '@hearth/test-kit'

/** Who is asked by whom: every scenario has to go both ways. */
export const directions = [
  { from: 'hearth', to: 'synapse' },
  { from: 'synapse', to: 'hearth' },
] as const

export type Kind = 'hearth' | 'synapse'

/** A Hearth and a Synapse that find each other. */
export class Pair implements AsyncDisposable {
  readonly servers: PeerServers
  readonly hearth: HearthPeer
  readonly synapse: SynapseServer
  #people = 0

  private constructor(servers: PeerServers, hearth: HearthPeer, synapse: SynapseServer) {
    this.servers = servers
    this.hearth = hearth
    this.synapse = synapse
  }

  static async start(): Promise<Pair> {
    const servers = await PeerServers.create()
    try {
      const [hearth, synapse] = await Promise.all([servers.hearth(), servers.synapse()])
      return new Pair(servers, hearth, synapse)
    } catch (error) {
      await servers[Symbol.asyncDispose]()
      throw error
    }
  }

  at(kind: Kind): Peer {
    return this[kind]
  }

  /** Registers somebody new. */
  register(kind: Kind, name = 'user'): Promise<TestClient> {
    this.#people += 1
    return this.at(kind).register(`${name}${this.#people}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.servers[Symbol.asyncDispose]()
  }
}
