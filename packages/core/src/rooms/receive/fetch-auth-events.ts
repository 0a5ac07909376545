import type { EventId, JsonObject, ServerName } from '@hearth/protocol'
import { RemoteError, ServerUnreachable } from '@hearth/federation-client'
import type { Room } from '../room.ts'
import type { FetchBudget } from './fetch-budget.ts'
import type { FetchedPduVerifier } from './fetched-pdu-verifier.ts'
import type { GapSource } from './gap-source.ts'
import type { OutlierIntake } from './outlier-intake.ts'

export interface AuthEventFetcherDeps {
  readonly source: GapSource
  readonly fetched: FetchedPduVerifier
  readonly outliers: OutlierIntake
}

/** How many single events are asked for at once. */
const parallel = 8

/** Fetches events that authorize others, and keeps them as outliers. */
export class AuthEventFetcher {
  readonly #deps: AuthEventFetcherDeps

  constructor(deps: AuthEventFetcherDeps) {
    this.#deps = deps
  }

  /** Fetches the auth chain of an event. */
  async fetchChain(room: Room, server: ServerName, eventId: EventId, budget: FetchBudget): Promise<void> {
    const chain = await this.#deps.source.getEventAuth(server, room.id, eventId, budget.spend())
    await this.#take(room, server, chain, budget)
  }

  /** Fetches events one by one, with what authorizes them as far as that is missing. */
  async fetchEvents(room: Room, server: ServerName, eventIds: readonly EventId[], budget: FetchBudget): Promise<void> {
    await this.#take(room, server, await this.#fetchSingly(server, eventIds, budget), budget)
  }

  /** Verifies events and keeps them. Of auth events that are missing a few are asked for; without them nothing is kept. */
  async #take(room: Room, server: ServerName, received: readonly JsonObject[], budget: FetchBudget): Promise<void> {
    const { fetched, outliers } = this.#deps
    const verified = await fetched.verify(room, received)
    const { unjudged } = await outliers.take(room, [...verified.values()])
    const missing = new Set([...unjudged.values()].flat())
    if (missing.size === 0) return
    const further = await this.#fetchSingly(server, [...missing], budget)
    for (const [eventId, event] of await fetched.verify(room, further)) verified.set(eventId, event)
    await outliers.take(room, [...verified.values()])
  }

  /** Those events that the server gives. */
  async #fetchSingly(server: ServerName, eventIds: readonly EventId[], budget: FetchBudget): Promise<JsonObject[]> {
    const found: JsonObject[] = []
    for (let start = 0; start < eventIds.length; start += parallel) {
      const slice = eventIds.slice(start, start + parallel)
      found.push(...(await Promise.all(slice.map((eventId) => this.#fetchOne(server, eventId, budget)))).flat())
    }
    return found
  }

  async #fetchOne(server: ServerName, eventId: EventId, budget: FetchBudget): Promise<JsonObject[]> {
    try {
      return [await this.#deps.source.getEvent(server, eventId, budget.spend())]
    } catch (error) {
      // That one event cannot be had shows when it is needed.
      if (error instanceof RemoteError || error instanceof ServerUnreachable) return []
      throw error
    }
  }
}
