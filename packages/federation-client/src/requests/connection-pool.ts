import type { Agent } from 'node:https'
import type { Route } from '../discovery/route.ts'
import { ConnectingAgent } from './connecting-agent.ts'
import type { Connector } from './connector.ts'

/** How long a connection that is not in use is kept, in milliseconds. Peers that close theirs earlier say so. */
const IDLE_MS = 60_000
const MAX_IDLE_PER_ROUTE = 2
const MAX_ROUTES = 2_000

/** Connections to other servers that are used again, bounded by route and in total. */
export class ConnectionPool {
  readonly #connector: Connector
  // Ordered by use, oldest first.
  readonly #agents = new Map<string, ConnectingAgent>()

  constructor(connector: Connector) {
    this.#connector = connector
  }

  /** What opens and keeps the connections of a route. Connecting takes at most `connectMs`. */
  agentFor(route: Route, connectMs: number): Agent {
    const key = `${route.certificateName} ${route.host} ${route.port}`
    const agent = this.#agents.get(key) ?? this.#newAgent(route, connectMs)
    this.#agents.delete(key)
    this.#agents.set(key, agent)
    return agent
  }

  /** Closes all connections. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  #newAgent(route: Route, connectMs: number): ConnectingAgent {
    for (const [key, agent] of this.#agents) {
      if (this.#agents.size < MAX_ROUTES) break
      // What is in use goes on, and is closed when it has been idle.
      agent.closeIdle()
      this.#agents.delete(key)
    }
    return new ConnectingAgent(() => this.#connector.connect(route, connectMs), {
      keepAlive: true,
      maxFreeSockets: MAX_IDLE_PER_ROUTE,
      timeout: IDLE_MS,
    })
  }
}
