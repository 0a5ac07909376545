import type { DestinationHealth, RemoteError, ServerUnreachable } from '@hearth/federation-client'
import { isServerName, type JsonObject, type ServerName } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import { backoffDelay, type Clock, type Logger, type Timer } from '@hearth/runtime'
import type { ServerHealthRow, Store } from '@hearth/store'

/** What is known of a server, as it is stored. */
type Health = { -readonly [Key in keyof Omit<ServerHealthRow, 'serverNid'>]: ServerHealthRow[Key] }

const unharmed = { failures: 0, retryTs: null, failedTs: null, failingSinceTs: null }
const maxServers = 50_000
/** A server that is gone for good is tried about twenty times in the first two days, and then once a day. */
const backoff = { baseMs: 2_000, maxMs: 24 * 60 * 60_000 }
/** How exactly it is stored when a server answered last. */
const okGrainMs = 60 * 60_000
/** One that asks us things but does not answer is not tried at each of them. */
const contactMs = 10_000
const flushMs = 1_000
const retryFlushMs = 10_000
const topic = 'server-health'

/**
 * How other servers are doing: which are left alone because they have failed, for how long, and which have ever answered.
 * It outlasts restarts. Hearing from a server ends that it is left alone, and so does an answer to any request.
 */
export class ServerHealth implements DestinationHealth {
  readonly #store: Pick<Store, 'fedDestinations' | 'servers'>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #bus: Pick<Bus, 'onHint' | 'publish'>
  readonly #random: () => number
  /** Those of which something was learnt last come last. */
  readonly #servers = new Map<ServerName, Health>()
  readonly #dirty = new Set<ServerName>()
  readonly #listeners: ((server: ServerName) => void)[] = []
  readonly #resetListeners: ((server: ServerName) => void)[] = []
  #timer: Timer | undefined
  #flushing: Promise<void> | undefined
  #stopped = false

  constructor(deps: {
    store: Pick<Store, 'fedDestinations' | 'servers'>
    clock: Clock
    logger: Logger
    /** Over which the processes tell one another what they learn. */
    bus: Pick<Bus, 'onHint' | 'publish'>
    random?: () => number
  }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#bus = deps.bus
    this.#bus.onHint(topic, (message) => this.#hear(message))
    this.#random = deps.random ?? Math.random
  }

  /** Reads what was known before the restart. */
  async start(): Promise<void> {
    for (const { name, serverNid: _, ...health } of await this.#store.fedDestinations.listHealth()) {
      this.#servers.set(name, health)
    }
  }

  /** Writes down what is not yet. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#flushing
    await this.#flush()
  }

  /** Calls back when a server that is left alone may be tried again earlier than it seemed. */
  onBack(listener: (server: ServerName) => void): void {
    this.#listeners.push(listener)
  }

  mayTry(server: ServerName): boolean {
    return this.waitMs(server) === 0
  }

  /** For how long a server is still left alone, in milliseconds. */
  waitMs(server: ServerName): number {
    const { retryTs } = this.#servers.get(server) ?? { retryTs: null }
    // A clock that was set back must not make it longer than it was ever meant to be.
    return retryTs === null ? 0 : Math.min(Math.max(0, retryTs - this.#clock.now()), backoff.maxMs)
  }

  /** Whether a server did well when it was last tried. */
  isProven(server: ServerName): boolean {
    const health = this.#servers.get(server)
    return health !== undefined && health.failures === 0 && health.okTs !== null
  }

  /** How many servers are left alone now. */
  get waiting(): number {
    const now = this.#clock.now()
    let count = 0
    for (const { retryTs } of this.#servers.values()) if (retryTs !== null && retryTs > now) count += 1
    return count
  }

  failed(server: ServerName, error: ServerUnreachable | RemoteError): void {
    this.holdBack(server, 'retryAfterMs' in error ? (error.retryAfterMs ?? 0) : 0)
  }

  /** Leaves a server alone for longer than the last time, and at least for so many milliseconds. */
  holdBack(server: ServerName, atLeastMs = 0): void {
    const health = this.#of(server)
    // Requests that were under way when the first of them failed are no further failures.
    if (health.retryTs !== null && health.retryTs > this.#clock.now()) return
    const waitMs = Math.max(backoffDelay(health.failures, { ...backoff, random: this.#random }), atLeastMs)
    health.failures += 1
    health.failedTs = this.#clock.now()
    health.failingSinceTs ??= health.failedTs
    health.retryTs = health.failedTs + Math.round(Math.min(waitMs, backoff.maxMs))
    this.#changed(server)
  }

  succeeded(server: ServerName): void {
    const health = this.#of(server)
    const now = this.#clock.now()
    const wasWaiting = health.retryTs !== null
    const isNews = health.failures > 0 || wasWaiting || now - (health.okTs ?? 0) >= okGrainMs
    if (!isNews) return
    Object.assign(health, unharmed, { okTs: now })
    this.#changed(server)
    if (wasWaiting) this.#tell(server)
  }

  /** A server has sent a request: it is there. What it failed before still counts if it fails again. */
  contact(server: ServerName): void {
    const health = this.#servers.get(server)
    if (!health || health.retryTs === null) return
    const soonest = (health.failedTs ?? 0) + contactMs
    if (soonest >= health.retryTs) return
    health.retryTs = soonest > this.#clock.now() ? soonest : null
    this.#changed(server)
    this.#tell(server)
  }

  /** Forgets that a server has failed, on all processes: it is tried at once. False when it has not. */
  reset(server: ServerName): boolean {
    const health = this.#servers.get(server)
    if (!health || (health.failures === 0 && health.retryTs === null)) return false
    Object.assign(health, unharmed)
    this.#changed(server, { reset: true })
    this.#wasReset(server)
    return true
  }

  /** Calls back when somebody says that a server is to be tried as if it had never failed. */
  onReset(listener: (server: ServerName) => void): void {
    this.#resetListeners.push(listener)
  }

  #wasReset(server: ServerName): void {
    for (const listener of this.#resetListeners) listener(server)
    this.#tell(server)
  }

  #tell(server: ServerName): void {
    for (const listener of this.#listeners) listener(server)
  }

  #of(server: ServerName): Health {
    const health = this.#servers.get(server) ?? { ...unharmed, okTs: null }
    this.#servers.delete(server)
    this.#servers.set(server, health)
    if (this.#servers.size > maxServers) this.#servers.delete(this.#servers.keys().next().value!)
    return health
  }

  /** Takes what another process has learnt, which that writes down. */
  #hear({ server, failures, reset, ...times }: JsonObject): void {
    if (typeof server !== 'string' || !isServerName(server) || typeof failures !== 'number') return
    const time = (name: string): number | null => (typeof times[name] === 'number' ? times[name] : null)
    const health = this.#of(server)
    const wasWaiting = health.retryTs !== null
    health.failures = failures
    for (const name of ['retryTs', 'okTs', 'failedTs', 'failingSinceTs'] as const) health[name] = time(name)
    if (reset === true) this.#wasReset(server)
    else if (wasWaiting && (health.retryTs ?? 0) <= this.#clock.now()) this.#tell(server)
  }

  #changed(server: ServerName, how: { readonly reset?: true } = {}): void {
    this.#bus.publish(topic, { server, ...this.#servers.get(server)!, ...how })
    this.#dirty.add(server)
    this.#flushLater(flushMs)
  }

  #flushLater(ms: number): void {
    if (this.#timer || this.#stopped) return
    this.#timer = this.#clock.setTimer(ms, () => {
      this.#timer = undefined
      this.#flushing = this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const names = [...this.#dirty]
    if (names.length === 0) return
    this.#dirty.clear()
    try {
      // Servers that only ever were named in requests are not worth a row.
      const nids = await this.#store.servers.findAll(names)
      const rows = [...nids].flatMap(([name, serverNid]): ServerHealthRow[] => {
        const health = this.#servers.get(name)
        if (!health) return []
        return [{ serverNid, ...health }]
      })
      await this.#store.fedDestinations.saveHealth(rows)
    } catch (error) {
      this.#logger.warn('could not write down how other servers are doing; will try again', { error })
      for (const name of names) this.#dirty.add(name)
      this.#flushLater(retryFlushMs)
    }
  }
}
