import { RemoteError } from '@hearth/federation-client'
import { isEventId, type EventId, type JsonObject, type ServerName } from '@hearth/protocol'
import { prevEventIds } from '@hearth/rooms'
import { eventFlags, StateMap, type Store } from '@hearth/store'
import type { Room } from '../room.ts'
import type { AuthEventFetcher } from './fetch-auth-events.ts'
import type { FetchBudget } from './fetch-budget.ts'
import type { FetchedPduVerifier } from './fetched-pdu-verifier.ts'
import type { GapSource } from './gap-source.ts'
import type { OutlierIntake } from './outlier-intake.ts'
import type { KnownState, ResolvedState, StateResolver } from './state-resolver.ts'
import type { VerifiedEvent } from './verified-event.ts'

export interface StateBeforeFetcherDeps {
  readonly store: Store
  readonly source: GapSource
  readonly fetched: FetchedPduVerifier
  readonly authEvents: AuthEventFetcher
  readonly outliers: OutlierIntake
  readonly resolver: StateResolver
}

/** Events of a state that are asked for one by one; where more are missing, the whole state is asked for. */
const maxSingleEvents = 60
/** Previous events for each of which the state is asked for. */
const maxMissingPrevious = 5
/** Ids that are looked up with one query. */
const lookupSize = 5_000
/** Events of a whole state that are taken in together while it arrives. */
const sliceSize = 250

/** What a server said was the state before an event is not usable. */
export class UnusableState extends Error {
  override readonly name = 'UnusableState'
}

/**
 * Finds out from another server what the state before an event was, where the events before it cannot be had: its ids,
 * and those of its events that are not known here.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid}
 */
export class StateBeforeFetcher {
  readonly #deps: StateBeforeFetcherDeps

  constructor(deps: StateBeforeFetcherDeps) {
    this.#deps = deps
  }

  /** @throws RemoteError, ServerUnreachable, BudgetSpent, UnusableState */
  async fetch(room: Room, server: ServerName, { event }: VerifiedEvent, budget: FetchBudget): Promise<ResolvedState> {
    const prevIds = prevEventIds(event.pdu)
    const { states: known, missing } = await this.#statesAfterKnown(room, prevIds)
    const claimed = await this.#claimedStates(room, server, event.eventId, missing, budget)
    const [first] = claimed
    if (known.length === 0 && claimed.length === 1) return first!
    // What is known of the events before it counts as well.
    const { state } = await this.#deps.resolver.resolveStates(room, [...claimed, ...known])
    return this.#differingFromHead(room, state)
  }

  /** The states after the missing events; where there are many, or the server has not all of them, that before the event. */
  async #claimedStates(
    room: Room,
    server: ServerName,
    eventId: EventId,
    missing: readonly EventId[],
    budget: FetchBudget,
  ): Promise<ResolvedState[]> {
    if (missing.length <= maxMissingPrevious) {
      try {
        const states: ResolvedState[] = []
        for (const id of missing) states.push(await this.#stateAfter(room, server, id, budget))
        if (states.length > 0) return states
      } catch (error) {
        if (!(error instanceof RemoteError)) throw error
      }
    }
    return [await this.#stateBefore(room, server, eventId, budget)]
  }

  /** The state before an event, as the server has it. */
  async #stateBefore(room: Room, server: ServerName, eventId: EventId, budget: FetchBudget): Promise<ResolvedState> {
    const answer = await this.#deps.source.getStateIds(server, room.id, eventId, budget.spend())
    // Some servers give the state after the event.
    const stateIds = answer.pdu_ids.filter(isEventId).filter((id) => id !== eventId)
    const authIds = answer.auth_chain_ids.filter(isEventId)
    await this.#fetchMissing(room, server, eventId, [...new Set([...stateIds, ...authIds])], budget)
    return this.#stateOf(room, stateIds)
  }

  /** The state after an event that is missing, as the server has it. */
  async #stateAfter(room: Room, server: ServerName, eventId: EventId, budget: FetchBudget): Promise<ResolvedState> {
    const before = await this.#stateBefore(room, server, eventId, budget)
    if (!(await this.#identities([eventId])).has(eventId)) {
      await this.#deps.authEvents.fetchEvents(room, server, [eventId], budget)
    }
    const event = (await this.#identities([eventId])).get(eventId)
    const isRejected = event !== undefined && (event.flags & eventFlags.rejected) !== 0
    if (event?.roomNid !== room.nid || event.stateKeyNid === null || isRejected) return before
    return this.#differingFromHead(room, before.state.with(event.typeNid, event.stateKeyNid, event.nid))
  }

  async #fetchMissing(
    room: Room,
    server: ServerName,
    eventId: EventId,
    eventIds: readonly EventId[],
    budget: FetchBudget,
  ): Promise<void> {
    const known = await this.#identities(eventIds)
    const missing = eventIds.filter((id) => !known.has(id))
    if (missing.length === 0) return
    if (missing.length <= maxSingleEvents) {
      await this.#deps.authEvents.fetchEvents(room, server, missing, budget)
      // Some servers give out of older events only what they are the state of.
      if ((await this.#identities(missing)).size === missing.length) return
    }
    await this.#fetchWhole(room, server, eventId, budget)
  }

  /** Takes in the events of a whole state slice by slice; those whose auth events come later wait for the end. */
  async #fetchWhole(room: Room, server: ServerName, eventId: EventId, budget: FetchBudget): Promise<void> {
    const { source, fetched, outliers } = this.#deps
    const waiting = new Map<EventId, VerifiedEvent>()
    let slice: JsonObject[] = []
    async function take(): Promise<void> {
      for (const [id, verified] of await fetched.verify(room, slice)) waiting.set(id, verified)
      slice = []
      const { stored } = await outliers.take(room, [...waiting.values()].slice(-2 * sliceSize))
      for (const id of stored.keys()) waiting.delete(id)
    }
    await source.getState(server, room.id, eventId, {
      ...budget.spend(),
      deadlineMs: wholeStateMs,
      onPdu: async (_, pdu) => {
        slice.push(pdu)
        if (slice.length >= sliceSize) await take()
      },
    })
    await take()
    await outliers.take(room, [...waiting.values()])
  }

  /** The state of these events, none of which may be missing, rejected, or the second one of a key. */
  async #stateOf(room: Room, stateIds: readonly EventId[]): Promise<ResolvedState> {
    const identities = await this.#identities(stateIds)
    const entries = stateIds.map((eventId) => {
      const identity = identities.get(eventId)
      if (identity?.roomNid !== room.nid) throw new UnusableState('an event of the state cannot be had')
      const { typeNid, stateKeyNid, nid, flags } = identity
      if (stateKeyNid === null) throw new UnusableState('an event of the state is none of state')
      return { typeNid, stateKeyNid, nid, isRejected: (flags & eventFlags.rejected) !== 0 }
    })
    const accepted = entries.filter(({ isRejected }) => !isRejected)
    const state = StateMap.of(accepted)
    if (state.size < accepted.length) throw new UnusableState('a key of the state has two events')
    return this.#differingFromHead(room, state)
  }

  /** A state as a difference from the room's current one. */
  async #differingFromHead({ head }: Room, state: StateMap): Promise<ResolvedState> {
    const changes = head.state
      .diff(state)
      .map(({ typeNid, stateKeyNid, after }) => ({ typeNid, stateKeyNid, event: after ?? null }))
    if (changes.length === 0) return { stateNid: head.stateNid, state: head.state }
    const stateNid = await this.#deps.store.states.reserveId()
    return {
      stateNid,
      state: head.state.withChanges(changes),
      merge: { stateNid, base: head.stateNid, changes },
    }
  }

  /** The states after those of the previous events that are there, and the others. */
  async #statesAfterKnown(
    room: Room,
    prevIds: readonly EventId[],
  ): Promise<{ states: KnownState[]; missing: EventId[] }> {
    const { store } = this.#deps
    const rows = await store.events.findByIds(prevIds)
    const known = rows.filter(({ roomNid, stateNid }) => roomNid === room.nid && stateNid !== null)
    const states = await store.states.loadAll(
      room.nid,
      known.map(({ stateNid }) => stateNid!),
    )
    const knownIds = new Set(known.map(({ eventId }) => eventId))
    return {
      states: [...states].map(([stateNid, state]) => ({ stateNid, state })),
      missing: [...new Set(prevIds)].filter((id) => !knownIds.has(id)),
    }
  }

  async #identities(eventIds: readonly EventId[]) {
    const { events } = this.#deps.store
    const found: Awaited<ReturnType<typeof events.findIdentities>> = new Map()
    for (let start = 0; start < eventIds.length; start += lookupSize) {
      for (const [id, identity] of await events.findIdentities(eventIds.slice(start, start + lookupSize))) {
        found.set(id, identity)
      }
    }
    return found
  }
}

const wholeStateMs = 120_000
