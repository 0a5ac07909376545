import { RemoteError } from '@hearth/federation-client'
import type { EventId, ServerName } from '@hearth/protocol'
import type { Room } from '../room.ts'
import type { EventReceiver } from './event-receiver.ts'
import type { AuthEventFetcher } from './fetch-auth-events.ts'
import type { FetchBudget } from './fetch-budget.ts'
import type { MissingEventsFetcher, WaitingEvent } from './fetch-missing-events.ts'
import { UnusableState, type StateBeforeFetcher } from './fetch-state-before.ts'
import type { Placement } from './received-event.ts'
import type { VerifiedEvent } from './verified-event.ts'

export interface GapFillDeps {
  readonly receiver: EventReceiver
  readonly missingEvents: MissingEventsFetcher
  readonly stateBefore: StateBeforeFetcher
  readonly authEvents: AuthEventFetcher
}

/** Where a gap has more ends than these, only the event that stands after it is taken, with a state fetched for it. */
const maxRoots = 3

/** A server does not show what comes right before an event. */
export class EventsWithheld extends Error {
  override readonly name = 'EventsWithheld'

  constructor() {
    super('the server does not show the events before it')
  }
}

/** Fills the gap before an event with what one server gives. */
export class GapFill {
  readonly #deps: GapFillDeps

  constructor(deps: GapFillDeps) {
    this.#deps = deps
  }

  /**
   * Takes an event into its room, after the events before it; where the gap is too deep for that, with the state before
   * it as the server has it.
   *
   * @returns what became of the event; `incomplete` when the server does not give what it takes.
   * @throws RemoteError, ServerUnreachable, BudgetSpent, UnusableState, EventsWithheld
   */
  async fill(room: Room, server: ServerName, event: VerifiedEvent, budget: FetchBudget): Promise<Placement> {
    const { receiver, missingEvents } = this.#deps
    let placement = await receiver.receiveOne(room, event)
    if (placement.kind !== 'incomplete') return placement
    if (placement.missingPrevious.length > 0) {
      const { waiting, shown } = await missingEvents.fetch(room, server, event, budget)
      await this.#takeWaiting(room, server, waiting, budget).catch((error: unknown) => {
        // Of what came before this server was there, or after it was gone, others tell it nothing.
        if (!(error instanceof RemoteError) && !(error instanceof UnusableState)) throw error
      })
      placement = await receiver.receiveOne(room, event)
      if (placement.kind !== 'incomplete') return placement
      // Whoever sends an event has those before it. To believe a state in their stead would invite everybody to invent one.
      if (!placement.missingPrevious.every((id) => shown.has(id))) throw new EventsWithheld()
    }
    return this.#takeWithState(room, server, { ...event, ...placement }, budget)
  }

  /** Takes what was fetched but does not reach back to what is known, from the states at its ends. */
  async #takeWaiting(
    room: Room,
    server: ServerName,
    waiting: readonly WaitingEvent[],
    budget: FetchBudget,
  ): Promise<void> {
    const ids = new Set(waiting.map(({ event }) => event.eventId))
    const roots = new Set<EventId>(
      waiting
        .filter(({ missingPrevious }) => !missingPrevious.some((id) => ids.has(id)))
        .map(({ event }) => event.eventId),
    )
    if (roots.size === 0 || roots.size > maxRoots) return
    for (const event of waiting) {
      const placement = await this.#takeWithState(room, server, event, budget, roots.has(event.event.eventId))
      if (placement.kind === 'incomplete') return
    }
  }

  async #takeWithState(
    room: Room,
    server: ServerName,
    event: WaitingEvent,
    budget: FetchBudget,
    isRoot = true,
  ): Promise<Placement> {
    const { receiver, stateBefore, authEvents } = this.#deps
    let { missingAuth } = event
    const fetchesState = isRoot && event.missingPrevious.length > 0
    const state = fetchesState ? await stateBefore.fetch(room, server, event, budget) : undefined
    const { event: roomEvent, json } = event
    for (const step of ['as it is', 'with its auth chain', 'with its auth events'] as const) {
      if (step === 'with its auth chain') await authEvents.fetchChain(room, server, roomEvent.eventId, budget)
      if (step === 'with its auth events') await authEvents.fetchEvents(room, server, missingAuth, budget)
      const placement = await receiver.receiveOne(room, { event: roomEvent, json, stateBefore: state })
      if (placement.kind !== 'incomplete' || placement.missingAuth.length === 0) return placement
      missingAuth = placement.missingAuth
    }
    return { kind: 'incomplete', missingPrevious: [], missingAuth }
  }
}
