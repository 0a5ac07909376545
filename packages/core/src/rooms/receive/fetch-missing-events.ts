import { RemoteError } from '@hearth/federation-client'
import type { EventId, ServerName } from '@hearth/protocol'
import { authEventIds, prevEventIds } from '@hearth/rooms'
import type { Store } from '@hearth/store'
import type { Room } from '../room.ts'
import { inAuthOrder } from './auth-order.ts'
import type { EventReceiver } from './event-receiver.ts'
import type { FetchBudget } from './fetch-budget.ts'
import type { FetchedPduVerifier } from './fetched-pdu-verifier.ts'
import type { GapSource } from './gap-source.ts'
import type { VerifiedEvent } from './verified-event.ts'

export interface MissingEventsFetcherDeps {
  readonly store: Pick<Store, 'events'>
  readonly source: GapSource
  readonly fetched: FetchedPduVerifier
  readonly receiver: EventReceiver
}

/** Events that are asked for at once: what other servers give at most. */
const pageSize = 20
/** How often one goes further back. */
const maxPages = 5
/** Events that are named in one request. */
const maxNamed = 20

/** An event with the events without which it cannot be judged. */
export interface WaitingEvent extends VerifiedEvent {
  readonly missingPrevious: readonly EventId[]
  readonly missingAuth: readonly EventId[]
}

export interface FetchedEvents {
  /** Those that still wait for others, each after those among them that it names. */
  readonly waiting: readonly WaitingEvent[]
  /** All that the server has shown, those that were not taken among them. */
  readonly shown: ReadonlySet<EventId>
}

/**
 * Fills the gap before an event from the newer side: asks for the events before it, and again for those before them.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid}
 */
export class MissingEventsFetcher {
  readonly #deps: MissingEventsFetcherDeps

  constructor(deps: MissingEventsFetcherDeps) {
    this.#deps = deps
  }

  /**
   * Fetches the events before an event and takes what can be taken into the room. What was before this server came to
   * the room is left where it is: it is the past, not news.
   *
   * @throws RemoteError, ServerUnreachable, BudgetSpent
   */
  async fetch(room: Room, server: ServerName, { event }: VerifiedEvent, budget: FetchBudget): Promise<FetchedEvents> {
    const { store } = this.#deps
    const minDepth = await store.events.firstDepth(room.nid)
    const seen = new Set<EventId>([event.eventId])
    const shown = new Set<EventId>()
    let waiting: WaitingEvent[] = []
    let latest: EventId[] = [event.eventId]
    for (let page = 0; page < maxPages && latest.length > 0; page++) {
      const received = await this.#ask(room, server, latest, budget, page === 0)
      for (const id of received.keys()) shown.add(id)
      const fresh = [...received].filter(([id, { event }]) => !seen.has(id) && event.pdu.depth >= minDepth)
      if (fresh.length === 0) break
      for (const [id] of fresh) seen.add(id)
      waiting = await this.#place(room, [...fresh.map(([, verified]) => verified), ...waiting])
      const ids = new Set(waiting.map((each) => each.event.eventId))
      const roots = waiting.filter(({ missingPrevious }) => missingPrevious.some((id) => !ids.has(id)))
      latest = roots.map((root) => root.event.eventId)
    }
    return { waiting, shown }
  }

  /** The events before some, as far as they are signed. Once there are some, that there are no more of them is no failure. */
  async #ask(
    room: Room,
    server: ServerName,
    latest: readonly EventId[],
    budget: FetchBudget,
    isFirst: boolean,
  ): Promise<Map<EventId, VerifiedEvent>> {
    const { source, fetched } = this.#deps
    const range = {
      earliestEvents: room.head.extremities.map((extremity) => extremity.event.eventId).slice(0, maxNamed),
      latestEvents: latest.slice(0, maxNamed),
      limit: pageSize,
    }
    try {
      const received = await source.getMissingEvents(server, room.id, range, budget.spend())
      return await fetched.verify(room, received.slice(0, pageSize))
    } catch (error) {
      if (isFirst || !(error instanceof RemoteError)) throw error
      return new Map()
    }
  }

  /** Takes events into the room as far as that is possible; gives those that wait for others. */
  async #place(room: Room, events: readonly VerifiedEvent[]): Promise<WaitingEvent[]> {
    const byId = new Map(events.map((verified) => [verified.event.eventId, verified]))
    const ordered = inAuthOrder(byId, ({ event: { pdu } }) => [...prevEventIds(pdu), ...authEventIds(pdu)])
    const placements = await this.#deps.receiver.receive(room, ordered)
    return ordered.flatMap((verified, index) => {
      const placement = placements[index]!
      return placement.kind === 'incomplete' ? [{ ...verified, ...placement }] : []
    })
  }
}
