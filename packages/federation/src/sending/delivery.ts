import { NotTried, RemoteError, ServerUnreachable, type FederationClient } from '@hearth/federation-client'
import type { ServerName } from '@hearth/protocol'
import type { Clock, Counter, Logger, Metrics } from '@hearth/runtime'
import type { OutboxRow, Store } from '@hearth/store'
import type { CatchUp } from './catch-up.ts'
import type { Destination, QueuedEvent } from './destination.ts'
import type { ServerHealth } from './server-health.ts'
import { transactionBody, transactionId, type OutgoingEdu } from './transaction.ts'

export interface DeliveryDeps {
  readonly store: Pick<Store, 'fedOutbox'>
  readonly client: Pick<FederationClient, 'sendTransaction'>
  readonly health: ServerHealth
  readonly catchUp: CatchUp
  readonly serverName: ServerName
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** What is in one transaction. */
interface Load {
  readonly events: readonly QueuedEvent[]
  readonly outbox: readonly OutboxRow[]
  readonly edus: readonly OutgoingEdu[]
}

/** What a transaction may carry. {@link https://spec.matrix.org/v1.19/server-server-api/#transactions} */
export const maxPdus = 50
const maxEdus = 100
/** EDUs that must not be lost do not take the place of all others. */
const maxOutboxEdus = 80
/** About the length that a transaction's events, and its messages to devices, may have. */
const maxLength = 2 * 1024 * 1024
/** A server that refuses the same single event so often does without it. */
const maxRefusals = 3
const deadlineMs = 90_000

/** Says that a server takes nothing from us, rather than that it does not take this. */
const shutOut: ReadonlySet<number> = new Set([401, 403, 404, 405, 408, 429])

/** Sends servers what they are to get, a transaction at a time. */
export class Delivery {
  readonly #deps: DeliveryDeps
  readonly #sent: Counter<'kind'>
  readonly #lifeId: string
  #ephemeral = 0

  constructor(deps: DeliveryDeps) {
    this.#deps = deps
    this.#lifeId = `${deps.clock.now()}`
    this.#sent = deps.metrics.counter({
      name: 'hearth_federation_sent_total',
      help: 'Events and EDUs that other servers have taken',
      labelNames: ['kind'],
    })
  }

  /** Sends the next transaction; resolves to whether there was anything to send, and it was tried. */
  async run(destination: Destination, signal: AbortSignal): Promise<boolean> {
    const load = await this.#gather(destination)
    if (load.events.length + load.edus.length === 0) return false
    const { serverName, client, clock } = this.#deps
    const parts = { pdus: load.events.map(({ json }) => json), edus: load.edus }
    const body = transactionBody({ ...parts, origin: serverName, originServerTs: clock.now() })
    try {
      const options = { signal, deadlineMs, ignoreBackOff: true }
      const results = await client.sendTransaction(destination.server, transactionId(parts), body, options)
      await this.#taken(destination, load)
      this.#logRefused(destination, results)
    } catch (error) {
      if (error instanceof RemoteError && error.status < 500 && !shutOut.has(error.status)) {
        await this.#refused(destination, load, error)
      } else if (error instanceof RemoteError || error instanceof ServerUnreachable) {
        this.#failed(destination, error)
        return !(error.cause instanceof NotTried)
      } else {
        destination.fail(clock.now())
        throw error
      }
    }
    return true
  }

  async #gather(destination: Destination): Promise<Load> {
    const { catchUp } = this.#deps
    const isSearching = destination.batchLimit < maxPdus
    const outbox = await this.#readOutbox(destination, isSearching ? 1 : maxOutboxEdus)
    const limit = isSearching && outbox.length > 0 ? 0 : destination.batchLimit
    const missed = destination.behind && limit > 0 ? await catchUp.next(destination, limit) : []
    // Nothing that may fail comes after this: what is taken out is under way.
    const events = missed.length > 0 ? missed : destination.take(limit, maxLength)
    const durable = outbox.map(({ nid, type, content }): OutgoingEdu => {
      return { id: `${nid}`, json: `{"content":${content},"edu_type":${JSON.stringify(type)}}` }
    })
    const ephemeral = destination.edus.take(maxEdus - durable.length)
    if (destination.edus.size === 0) destination.edusDue = Infinity
    return { events, outbox, edus: [...durable, ...ephemeral.map((json) => ({ id: this.#nextId(), json }))] }
  }

  async #readOutbox(destination: Destination, limit: number): Promise<readonly OutboxRow[]> {
    if (!destination.hasOutbox) return []
    // Set again by whoever adds something meanwhile.
    destination.hasOutbox = false
    try {
      const outbox = await this.#deps.store.fedOutbox.list(destination.serverNid, limit, maxLength)
      if (outbox.length > 0) destination.hasOutbox = true
      return outbox
    } catch (error) {
      destination.hasOutbox = true
      throw error
    }
  }

  /** Typing that begins twice is not one transaction that is repeated. */
  #nextId(): string {
    return `${this.#lifeId}.${(this.#ephemeral += 1)}`
  }

  async #taken(destination: Destination, { events, outbox, edus }: Load): Promise<void> {
    const { store, clock } = this.#deps
    destination.batchLimit = maxPdus
    destination.refusals = 0
    destination.acknowledge(events.at(-1)?.pos ?? 0, clock.monotonic())
    if (events.length > 0) this.#sent.inc({ kind: 'pdu' }, events.length)
    if (edus.length > 0) this.#sent.inc({ kind: 'edu' }, edus.length)
    if (outbox.length === 0) return
    await store.fedOutbox.delete(
      destination.serverNid,
      outbox.map(({ nid }) => nid),
    )
  }

  /** A server does not take what it was sent. It is sent one event at a time, to find the one that it does not like. */
  async #refused(destination: Destination, load: Load, error: RemoteError): Promise<void> {
    const { clock, health, logger } = this.#deps
    destination.refusals += 1
    const isSingle = load.events.length + load.outbox.length <= 1
    logger.info('another server refused a transaction', { destination: destination.server, error, isSingle })
    if (isSingle && destination.refusals >= maxRefusals) {
      await this.#taken(destination, load)
      return
    }
    destination.fail(clock.now())
    if (!isSingle) destination.batchLimit = 1
    health.holdBack(destination.server, error.retryAfterMs)
  }

  #failed(destination: Destination, error: RemoteError | ServerUnreachable): void {
    const { clock, health, logger } = this.#deps
    destination.fail(clock.now())
    // The client has taken note of a failure, but not of a refusal: that is an answer to everybody else.
    if (error instanceof RemoteError && error.status < 500) health.holdBack(destination.server, error.retryAfterMs)
    logger.debug('another server did not take a transaction', { destination: destination.server, error })
  }

  #logRefused({ server }: Destination, results: Readonly<Record<string, { readonly error?: unknown }>>): void {
    for (const [eventId, { error }] of Object.entries(results).slice(0, maxPdus)) {
      if (error !== undefined) this.#deps.logger.info('another server refused an event', { server, eventId, error })
    }
  }
}
