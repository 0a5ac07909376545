import type { EventId } from '@hearth/protocol'
import { authEventIds, prevEventIds, type RoomEvent } from '@hearth/rooms'
import { eventFlags, type EventRef, type RoomCommit, type StateMap, type Store } from '@hearth/store'
import { membershipOf } from '../membership-content.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import { ChainOutcome } from './chain-outcome.ts'
import { ChainedEvents, type ChainExtremity } from './chained-events.ts'
import { checkRoomState, type ReceiptVerdict } from './check-room-state.ts'
import { CurrentStateChanges } from './current-state-changes.ts'
import { eventsBefore, type JudgedEvent } from './forward-extremities.ts'
import type { KnownEvent, KnownEvents } from './known-events.ts'
import type { Placement, ReceivedEvent } from './received-event.ts'
import { redactionEffect, type PendingRedactions, type RedactionEffect } from './redaction-step.ts'
import type { KnownState, ResolvedState, StateResolver } from './state-resolver.ts'

/**
 * What became of an event: `taken` into the chain; settled without it; or it waits until the chain is committed, because
 * a state has to be resolved that the chain makes.
 */
export type ChainStep = { readonly kind: 'taken' } | { readonly kind: 'wait' } | Settled

interface Settled {
  readonly kind: 'settled'
  readonly placement: Placement
}

export interface ReceivedChainDeps {
  readonly store: Store
  readonly events: RoomEvents
  readonly resolver: StateResolver
  readonly serverName: string
  readonly known: KnownEvents
  /** The events that are to be taken. */
  readonly receivedIds: readonly EventId[]
  readonly pendingRedactions: PendingRedactions
}

const settled = (placement: Placement): Settled => ({ kind: 'settled', placement })

/**
 * Events of other servers on top of a room's head that have gone through the checks on receipt but are not committed.
 * Where history forks, what the room's current state comes to is found out here.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu}
 */
export class ReceivedChain {
  readonly room: Room
  readonly #deps: ReceivedChainDeps
  readonly #chain: ChainedEvents
  readonly #changes: CurrentStateChanges
  #extremities: readonly ChainExtremity[]
  #current: KnownState
  /** The current state was resolved anew: what comes next has to wait for that to be committed. */
  #isClosed = false
  /** The received events that stored ones name as previous ones: looked up when history forks. */
  #named: ReadonlySet<EventId> | undefined

  constructor(room: Room, deps: ReceivedChainDeps) {
    this.room = room
    this.#deps = deps
    this.#chain = new ChainedEvents({ ...deps, room })
    this.#changes = new CurrentStateChanges({ ...deps, room, chain: this.#chain })
    this.#extremities = room.head.extremities.map(({ nid, event, stateNid }) => ({ ref: nid, event, stateNid }))
    this.#current = { stateNid: room.head.stateNid, state: room.head.state }
  }

  get length(): number {
    return this.#chain.all.length
  }

  /** Takes an event through the checks. What it refers to has been looked up in the known events. */
  async take(received: ReceivedEvent): Promise<ChainStep> {
    if (this.#isClosed) return { kind: 'wait' }
    const { eventId } = received.event
    const { known } = this.#deps
    const stored = known.get(eventId)
    if ([eventId, ...prevEventIds(received.event.pdu)].some((id) => known.isForeign(id))) {
      return settled({ kind: 'ignored', reason: 'it is, or comes after, an event of another room' })
    }
    // The create event of a room that was joined is an outlier, and is to stay one.
    const isOldCreate = stored?.event.pdu.type === 'm.room.create' && !stored.isRejected
    if (this.#chain.has(eventId) || isOldCreate || (stored && stored.stateNid !== null)) {
      return settled({ kind: 'known' })
    }

    const missing = this.#findMissing(received)
    if (missing) return settled(missing)
    const before = await this.#stateBefore(received)
    if (before === undefined) return { kind: 'wait' }
    const redaction = await redactionEffect(this.room, received.event, before.state, { chain: this.#chain, known })
    const verdict = await this.#judge(received, before, stored, redaction)
    if (received.mustBeCurrent === true && verdict.kind !== 'accepted') {
      return settled({ kind: 'ignored', reason: verdict.reason })
    }
    // A late event may have been redacted while it was an outlier.
    const taken = stored ? { ...received, event: stored.event, json: stored.json } : received
    return verdict.kind === 'accepted'
      ? this.#accept(taken, before, stored, redaction === 'void' ? undefined : redaction)
      : this.#refuse(taken, before, stored, verdict)
  }

  /** What the store commits; there must be something. */
  async toCommit(): Promise<RoomCommit> {
    const { head } = this.room
    const { all, merges } = this.#chain
    const isPlain = all.every(({ isLinear }) => isLinear)
    const changes = isPlain ? [] : await this.#changes.between(head.state, this.#current.state)
    return {
      roomNid: this.room.nid,
      expectedPos: head.lastPos,
      stateNid: head.stateNid,
      events: all.map(({ row }) => row),
      extremities: this.#extremities.map(({ ref }) => ref),
      merges,
      ...(!isPlain && { resolvedHead: { state: this.#current.stateNid, changes } }),
    }
  }

  /** The gaps that the chain leaves: to be written down before it is committed. */
  gaps(): { missing: EventId; child: EventId }[] {
    return this.#chain.all.flatMap(({ event, verdict, missingPrevious }) =>
      verdict === 'accepted' ? missingPrevious.map((missing) => ({ missing, child: event.eventId })) : [],
    )
  }

  /** What follows from the commit, whose first event took `firstPos`. */
  outcome(firstPos: number): ChainOutcome {
    const end = { extremities: this.#extremities, current: this.#current }
    return new ChainOutcome({ room: this.room, chain: this.#chain, end, changes: this.#changes }, firstPos)
  }

  /** What the event refers to and is not there: an outlier has no state to go on from. */
  #findMissing({ event, stateBefore }: ReceivedEvent): Placement | undefined {
    const missingAuth = authEventIds(event.pdu).filter((id) => !this.#isKnown(id))
    const missingPrevious = stateBefore === undefined ? this.#missingPrevious(event) : []
    if (missingAuth.length === 0 && missingPrevious.length === 0) return undefined
    return { kind: 'incomplete', missingAuth, missingPrevious }
  }

  /** Whether an auth event is there, be it in another room: then the event is rejected. */
  #isKnown(authId: EventId): boolean {
    return this.#chain.find(authId) !== undefined || this.#deps.known.isForeign(authId)
  }

  #missingPrevious(event: RoomEvent): EventId[] {
    return [...new Set(prevEventIds(event.pdu))].filter((id) => this.#chain.stateAfter(id) === undefined)
  }

  /** The state before an event; undefined when it takes a resolution of states that the chain makes. */
  async #stateBefore({ event, stateBefore }: ReceivedEvent): Promise<ResolvedState | undefined> {
    if (stateBefore !== undefined) return stateBefore
    const ids = [...new Set(prevEventIds(event.pdu).map((id) => this.#chain.stateAfter(id)!))]
    // Such an event is rejected; whatever its state is, nobody will ask for it.
    if (ids.length === 0) return this.#current
    if (ids.length === 1) return this.#chain.state(ids[0]!)
    if (this.#chain.makesStates) return undefined
    // One of them may have been resolved within the chain: it is not stored yet.
    const states = await Promise.all(ids.map((stateNid) => this.#chain.state(stateNid)))
    return this.#deps.resolver.resolveStates(this.room, states)
  }

  async #judge(
    received: ReceivedEvent,
    before: KnownState,
    stored: KnownEvent | undefined,
    redaction: RedactionEffect | 'void' | undefined,
  ): Promise<ReceiptVerdict> {
    // As an outlier it was checked against its auth events.
    if (stored?.isRejected === true) return { kind: 'rejected', reason: 'its auth events do not allow it' }
    if (authEventIds(received.event.pdu).some((id) => this.#deps.known.isForeign(id))) {
      return { kind: 'rejected', reason: 'an auth event is of another room' }
    }
    const verdict = await checkRoomState(this.room, received, { before, current: this.#current }, this.#chain)
    // Clients that are shown a redaction may carry it out.
    const isVoid = verdict.kind === 'accepted' && redaction === 'void'
    return isVoid ? { kind: 'soft-failed', reason: 'it may not redact its target' } : verdict
  }

  async #accept(
    received: ReceivedEvent,
    before: ResolvedState,
    stored: KnownEvent | undefined,
    redaction: RedactionEffect | undefined,
  ): Promise<ChainStep> {
    const { event } = received
    const pending = stored?.isRedacted === true ? undefined : await this.#deps.pendingRedactions.findFor(event)
    const shown = pending?.event ?? event
    const entry = await this.#entryFor(received, before, stored)
    const ref = -(1 + this.length)
    const place = await this.#place(shown, entry.after, before, received, ref)
    if (place === undefined) return { kind: 'wait' }

    const inPlace = place.isLinear ? await this.#memberAt(place.before.state, event) : undefined
    const row = await this.#deps.events.rowOf(shown, pending?.json ?? received.json, {
      ...entry.options,
      previousMembership: membershipOf(inPlace),
      outgoing: received.outgoing,
    })
    const missingPrevious = received.stateBefore === undefined ? [] : this.#missingPrevious(event)
    if (place.merge !== undefined) this.#chain.addMerge(place.merge, place.current.state)
    this.#extremities = place.extremities
    this.#current = place.current
    this.#isClosed = place.isClosed
    this.#chain.push({
      event: shown,
      row: {
        ...row,
        ...entry.fields,
        ...(missingPrevious.length > 0 && { flags: row.flags | eventFlags.afterGap }),
        ...(!place.isLinear && { currentState: place.current.stateNid, membership: undefined }),
        ...(pending && { redactedBy: pending.nid }),
        ...redaction?.row,
      },
      verdict: 'accepted',
      before,
      after: entry.after,
      current: place.current,
      isLinear: place.isLinear,
      replaced: entry.replaced,
      redacted: redaction?.redacted,
      missingPrevious,
    })
    return { kind: 'taken' }
  }

  async #refuse(
    received: ReceivedEvent,
    before: ResolvedState,
    stored: KnownEvent | undefined,
    verdict: ReceiptVerdict,
  ): Promise<ChainStep> {
    const { event, json } = received
    const entry = await this.#entryFor(received, before, stored)
    const row = await this.#deps.events.rowOf(event, json, entry.options)
    const isRejected = verdict.kind === 'rejected'
    this.#chain.push({
      event: isRejected ? { ...event, rejected: true } : event,
      row: {
        ...row,
        ...entry.fields,
        flags: isRejected ? eventFlags.rejected : eventFlags.softFailed,
        refusal: verdict.reason,
        relation: undefined,
        membership: undefined,
      },
      verdict: verdict.kind,
      before,
      after: isRejected ? before : entry.after,
      current: this.#current,
      isLinear: false,
      replaced: undefined,
      redacted: undefined,
      missingPrevious: [],
    })
    return { kind: 'taken' }
  }

  /** What an event's row holds whatever becomes of it. */
  async #entryFor({ event }: ReceivedEvent, before: ResolvedState, stored: KnownEvent | undefined) {
    const { events, store } = this.#deps
    const { type, state_key: stateKey } = event.pdu
    if (before.merge !== undefined) this.#chain.addMerge(before.merge, before.state)
    const isState = stateKey !== undefined
    const nid = stored?.nid ?? (isState ? await store.states.reserveId() : undefined)
    const replaces = isState ? await events.findStateNid(before.state, type, stateKey) : undefined
    const after = isState ? await this.#stateWith(before.state, type, stateKey, nid!) : before
    return {
      after: { stateNid: after.stateNid, state: after.state },
      replaced: replaces === undefined ? undefined : await this.#chain.eventOf(replaces),
      options: {
        auth: isState ? authEventIds(event.pdu).flatMap((id) => this.#chain.find(id)?.nid ?? []) : [],
        replaces,
      },
      fields: {
        stateBefore: before.stateNid,
        ...(nid !== undefined && { nid }),
        ...(stored !== undefined && { isLate: true }),
      },
    }
  }

  async #stateWith(before: StateMap, type: string, stateKey: string, nid: number): Promise<KnownState> {
    const { eventTypes, stateKeys } = this.#deps.store
    const state = before.with(await eventTypes.intern(type), await stateKeys.intern(stateKey), nid)
    return { stateNid: nid, state }
  }

  /** Where an accepted event stands, and what the room comes to with it; undefined when that has to wait. */
  async #place(event: RoomEvent, after: KnownState, before: KnownState, received: ReceivedEvent, ref: EventRef) {
    const earlier = await eventsBefore(event, (id) => this.#judged(id))
    const kept = this.#extremities.filter((extremity) => !earlier.has(extremity.event.eventId))
    const isLinear =
      kept.length === 0 && before.stateNid === this.#current.stateNid && received.stateBefore === undefined
    const own = { ref, event, stateNid: after.stateNid }
    if (isLinear) {
      return { extremities: [own], before: this.#current, current: after, isLinear, isClosed: false, merge: undefined }
    }
    // An event of the timeline that came before it may name it already.
    const { store, receivedIds } = this.#deps
    this.#named ??= await store.backwardExtremities.findMissing(this.room.nid, receivedIds)
    const extremities = this.#named.has(event.eventId) && kept.length > 0 ? kept : [...kept, own]
    const resolved = await this.#currentFor(event, extremities, after)
    if (resolved === undefined) return undefined
    const current = { stateNid: resolved.stateNid, state: resolved.state }
    const isClosed = current.stateNid !== this.#current.stateNid
    return { extremities, before: this.#current, current, isLinear, isClosed, merge: resolved.merge }
  }

  /** The room's current state with these extremities. */
  async #currentFor(
    event: RoomEvent,
    extremities: readonly ChainExtremity[],
    after: KnownState,
  ): Promise<ResolvedState | undefined> {
    const ids = new Set(extremities.map(({ stateNid }) => stateNid))
    const former = new Set(this.#extremities.map(({ stateNid }) => stateNid))
    if (ids.size === former.size && [...ids].every((id) => former.has(id))) return this.#current
    if (ids.size === 1 && ids.has(after.stateNid)) return after
    if (this.#chain.makesStates) return undefined
    const states = await Promise.all(
      [...ids].map(async (stateNid) => (stateNid === after.stateNid ? after : this.#chain.state(stateNid))),
    )
    return this.#deps.resolver.resolveStates(this.room, states, await this.#uncommitted(event, after))
  }

  async #uncommitted({ eventId, pdu }: RoomEvent, after: KnownState) {
    if (pdu.state_key === undefined) return undefined
    const { eventTypes, stateKeys } = this.#deps.store
    return {
      event: { eventId, pdu },
      graphEvent: {
        nid: after.stateNid,
        typeNid: await eventTypes.intern(pdu.type),
        stateKeyNid: await stateKeys.intern(pdu.state_key),
        auth: authEventIds(pdu).map((id) => this.#chain.find(id)!.nid),
      },
    }
  }

  async #memberAt(state: StateMap, { pdu }: RoomEvent): Promise<RoomEvent | undefined> {
    if (pdu.type !== 'm.room.member' || pdu.state_key === undefined) return undefined
    return this.#chain.inState(state, pdu.type, pdu.state_key)
  }

  /** An event before another one, with whether it was refused. Extremities, the most usual ones, never were. */
  async #judged(eventId: EventId): Promise<JudgedEvent | undefined> {
    const extremity = this.#extremities.find(({ event }) => event.eventId === eventId)
    return extremity ? { event: extremity.event, isRefused: false } : this.#chain.judged(eventId)
  }
}
