import { Agent, type AgentOptions } from 'node:https'
import type { Duplex } from 'node:stream'

/** An agent for one route, whose connections are made and checked by what it is given. */
export class ConnectingAgent extends Agent {
  readonly #connect: () => Promise<Duplex>

  constructor(connect: () => Promise<Duplex>, options: AgentOptions) {
    super(options)
    this.#connect = connect
  }

  override createConnection(_options: unknown, done?: (error: Error | null, stream: Duplex) => void): undefined {
    this.#connect().then(
      (socket) => done?.(null, socket),
      // The type asks for a stream even then.
      (error: unknown) => done?.(error as Error, undefined as unknown as Duplex),
    )
  }

  /** All connections are of one route: none need be told apart, which takes long for those with TLS. */
  override getName(): string {
    return 'route'
  }

  /** Closes the connections that are not in use. */
  closeIdle(): void {
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
  }
}
