import type { FederationClient } from '@hearth/federation-client'
import { isEventId, type EventId, type JsonObject, type ServerName } from '@hearth/protocol'
import { prevEventIds } from '@hearth/rooms'
import { isRemoteFailure } from '../../remote-lookups/remote-refusal.ts'
import type { OutlierIntake } from '../receive/outlier-intake.ts'
import type { PduVerifier } from '../receive/pdu-verifier.ts'
import type { VerifiedEvent } from '../receive/verified-event.ts'
import type { Room } from '../room.ts'

/** An event of another server that is stored as an outlier now. */
export interface FetchedEvent extends VerifiedEvent {
  readonly nid: number
  /** Whether its own auth events do not allow it. */
  readonly rejected: boolean
}

/** Where to ask, and until when. */
export interface FetchOptions {
  readonly server: ServerName
  readonly signal: AbortSignal
}

type Client = Pick<FederationClient, 'backfill' | 'getEvent' | 'getEventAuth' | 'getState' | 'getStateIds'>

const maxEvents = 500
/** Events whose auth chains are asked for, and events that are asked for one by one. */
const maxAuthChains = 10
const maxSingleEvents = 50
const atATime = 10
const deadlineMs = 30_000

/** Brings events of the past from other servers, checked and stored as outliers. */
export class FetchedEvents {
  readonly #client: Client
  readonly #verifier: PduVerifier
  readonly #intake: OutlierIntake

  constructor(deps: { client: Client; verifier: PduVerifier; intake: OutlierIntake }) {
    this.#client = deps.client
    this.#verifier = deps.verifier
    this.#intake = deps.intake
  }

  /**
   * Events before a gap, the missing ones first of all: those that lead to one another. What the server sends besides is
   * left out.
   *
   * @throws RemoteError, ServerUnreachable.
   */
  async before(
    room: Room,
    missing: readonly EventId[],
    limit: number,
    { server, signal }: FetchOptions,
  ): Promise<Map<EventId, FetchedEvent>> {
    const pdus = await this.#client.backfill(server, room.id, { from: missing, limit }, { signal, deadlineMs })
    const verified = await this.#verify(room, pdus.slice(0, maxEvents))
    return this.#take(room, [...connected(verified, missing)], { server, signal })
  }

  /**
   * The state before an event, as the ids of its events, all of which are stored now.
   *
   * @throws RemoteError, ServerUnreachable; undefined when some of it cannot be had.
   */
  async stateBefore(
    room: Room,
    eventId: EventId,
    isStored: (ids: readonly EventId[]) => Promise<ReadonlyMap<EventId, number>>,
    { server, signal }: FetchOptions,
  ): Promise<EventId[] | undefined> {
    const { pdu_ids: said } = await this.#client.getStateIds(server, room.id, eventId, { signal })
    const ids = [...new Set(said)].filter((id): id is EventId => isEventId(id))
    const stored = await isStored(ids)
    const missing = ids.filter((id) => !stored.has(id))
    if (missing.length > 0) {
      const pdus =
        missing.length > maxSingleEvents
          ? await this.#wholeState(room, eventId, { server, signal })
          : await this.#single(missing, { server, signal })
      await this.#take(room, await this.#verify(room, pdus), { server, signal })
    }
    const now = missing.length > 0 ? await isStored(ids) : stored
    return ids.every((id) => now.has(id)) ? ids : undefined
  }

  async #wholeState(room: Room, eventId: EventId, { server, signal }: FetchOptions): Promise<JsonObject[]> {
    const { pdus, auth_chain: chain } = await this.#client.getState(server, room.id, eventId, { signal })
    return [...chain, ...pdus]
  }

  async #single(ids: readonly EventId[], { server, signal }: FetchOptions): Promise<JsonObject[]> {
    const found: JsonObject[] = []
    for (let start = 0; start < ids.length; start += atATime) {
      const asked = ids.slice(start, start + atATime).map(async (id) => {
        try {
          found.push(await this.#client.getEvent(server, id, { signal, deadlineMs }))
        } catch (error) {
          if (!isRemoteFailure(error)) throw error
        }
      })
      await Promise.all(asked)
    }
    return found
  }

  async #verify(room: Room, pdus: readonly JsonObject[]): Promise<VerifiedEvent[]> {
    const verified: VerifiedEvent[] = []
    for (let start = 0; start < pdus.length; start += 250) {
      const slice = pdus.slice(start, start + 250)
      for (const verdict of await Promise.all(slice.map((pdu) => this.#verifier.verify(room.version, pdu)))) {
        if (verdict.valid && verdict.roomId === room.id) verified.push(verdict)
      }
    }
    return verified
  }

  /** Stores events as outliers, after the auth events that they lack. Those that cannot be judged are left out. */
  async #take(
    room: Room,
    verified: readonly VerifiedEvent[],
    options: FetchOptions,
  ): Promise<Map<EventId, FetchedEvent>> {
    let outcome = await this.#intake.take(room, verified)
    if (outcome.unjudged.size > 0) {
      const chains = await this.#authChains(room, outcome.unjudged, options)
      if (chains.length > 0) {
        await this.#intake.take(room, chains)
        outcome = await this.#intake.take(room, verified)
      }
    }
    const fetched = new Map<EventId, FetchedEvent>()
    for (const { event, json } of verified) {
      const taken = outcome.stored.get(event.eventId)
      if (taken) fetched.set(event.eventId, { event, json, ...taken })
    }
    return fetched
  }

  async #authChains(
    room: Room,
    unjudged: ReadonlyMap<EventId, readonly EventId[]>,
    { server, signal }: FetchOptions,
  ): Promise<VerifiedEvent[]> {
    const lacking = [...unjudged].filter(([, missing]) => missing.length > 0).map(([eventId]) => eventId)
    const chains: VerifiedEvent[] = []
    for (const eventId of lacking.slice(0, maxAuthChains)) {
      try {
        const pdus = await this.#client.getEventAuth(server, room.id, eventId, { signal, deadlineMs })
        chains.push(...(await this.#verify(room, pdus)))
      } catch (error) {
        if (!isRemoteFailure(error)) throw error
      }
    }
    return chains
  }
}

/** The missing events and those that they lead back to, as far as they are there. */
function* connected(verified: readonly VerifiedEvent[], missing: readonly EventId[]): Iterable<VerifiedEvent> {
  const byId = new Map(verified.map((each) => [each.event.eventId, each]))
  const waiting = [...missing]
  for (let eventId = waiting.pop(); eventId !== undefined; eventId = waiting.pop()) {
    const found = byId.get(eventId)
    if (!found) continue
    byId.delete(eventId)
    yield found
    waiting.push(...prevEventIds(found.event.pdu))
  }
}
