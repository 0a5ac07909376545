import type { EventId, UserId } from '@hearth/protocol'
import {
  authorize,
  authTypesFor,
  prevEventIds,
  redactionTarget,
  relationOf,
  stateTupleKey,
  type RoomEvent,
  type StateLookup,
} from '@hearth/rooms'
import { TimeSlice, type Clock } from '@hearth/runtime'
import {
  StateMap,
  type BackfilledEvent,
  type BackfilledState,
  type BackwardExtremity,
  type EventRow,
  type MissingPrevious,
  type StateEntryChange,
  type Store,
} from '@hearth/store'
import { PendingRedactions, redactedBy } from '../receive/redaction-step.ts'
import type { KnownState, StateResolver } from '../receive/state-resolver.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import type { FetchedEvent } from './fetched-events.ts'

/** What is to be written of a stretch of the past. */
export interface PlacedStretch {
  /** Newest first. */
  readonly events: readonly BackfilledEvent[]
  readonly states: readonly BackfilledState[]
  readonly missing: readonly MissingPrevious[]
}

/** Finds out the state before an event that follows missing ones; undefined where it cannot be had. */
export type FindState = (eventId: EventId) => Promise<readonly EventId[] | undefined>

interface PastEventsDeps {
  readonly store: Store
  readonly events: RoomEvents
  readonly resolver: StateResolver
  readonly clock: Clock
}

/** Gives fetched events their places in a room's past: the states before and after each, and whether those allow it. */
export class PastEvents {
  readonly #deps: PastEventsDeps

  constructor(deps: PastEventsDeps) {
    this.#deps = deps
  }

  /**
   * Works out what is to be written. Where the state before an event cannot be had, it and what follows from it stay
   * missing.
   */
  async place(
    room: Room,
    fetched: ReadonlyMap<EventId, FetchedEvent>,
    extremities: readonly BackwardExtremity[],
    findState: FindState,
  ): Promise<PlacedStretch> {
    const stretch = new Stretch(this.#deps, room, extremities)
    const slice = new TimeSlice(this.#deps.clock)
    const ordered = inOrder(fetched)
    await stretch.begin(ordered)
    for (const event of ordered) {
      if (slice.isOver) await slice.rest()
      await stretch.add(event, findState)
    }
    return stretch.finish()
  }
}

/** A stretch that is being put together, from its oldest event on. */
class Stretch {
  readonly #deps: PastEventsDeps
  readonly #room: Room
  readonly #extremities: readonly BackwardExtremity[]
  readonly #placed: { readonly fetched: FetchedEvent; readonly row: BackfilledEvent }[] = []
  readonly #states: BackfilledState[] = []
  /** The states after events that are stored or placed. */
  readonly #after = new Map<EventId, KnownState>()
  /** Those of the stretch that are stored, and stored events that they name. */
  readonly #rows = new Map<EventId, EventRow>()
  readonly #redactions: PendingRedactions

  constructor(deps: PastEventsDeps, room: Room, extremities: readonly BackwardExtremity[]) {
    this.#deps = deps
    this.#room = room
    this.#extremities = extremities
    this.#redactions = new PendingRedactions({ ...deps, room })
  }

  /** Reads what is known of the surroundings of the stretch. */
  async begin(fetched: readonly FetchedEvent[]): Promise<void> {
    const { store } = this.#deps
    const { version, nid } = this.#room
    const ids = fetched.map(({ event }) => event.eventId)
    const named = fetched.flatMap(({ event: { pdu } }) => {
      const target = redactionTarget(version, pdu)
      return [...prevEventIds(pdu), ...(target === undefined ? [] : [target])]
    })
    for (const row of await store.events.findByIds([...new Set([...named, ...ids])])) {
      if (row.roomNid === nid) this.#rows.set(row.eventId, row)
    }
    await this.#redactions.load(ids)
  }

  /** Adds an event, unless it is there already or the state before it cannot be had. */
  async add(fetched: FetchedEvent, findState: FindState): Promise<void> {
    const { eventId, pdu } = fetched.event
    // It came in another way before.
    if (this.#rows.get(eventId)?.stateNid != null) return
    const before = await this.#stateBefore(fetched.event, findState)
    if (before === undefined) return
    const isRejected = fetched.rejected || !(await this.#isAllowed(fetched.event, before.state))
    const row = await this.#rowOf(fetched, before, isRejected)
    const { typeNid, isState } = row
    const state =
      isState && !isRejected ? before.state.with(typeNid, await this.#keyOf(pdu.state_key!), row.nid) : before.state
    this.#after.set(eventId, { stateNid: row.stateNid, state })
    this.#placed.push({ fetched, row })
  }

  finish(): PlacedStretch {
    const placedIds = new Set(this.#placed.map(({ fetched }) => fetched.event.eventId))
    const missing: MissingPrevious[] = []
    // From the newest on: what stands after a rejected event stands after what is missing before that.
    const childOf = new Map(this.#extremities.map(({ missing, child }) => [missing, child]))
    for (const { fetched, row } of this.#placed.toReversed()) {
      const { eventId, pdu } = fetched.event
      const child = row.isRejected ? childOf.get(eventId) : eventId
      if (child === undefined) continue
      for (const previous of prevEventIds(pdu)) {
        if (row.isRejected) childOf.set(previous, child)
        else childOf.set(previous, eventId)
        if (placedIds.has(previous) || this.#rows.get(previous)?.stateNid != null) continue
        missing.push({ missing: previous, child })
      }
    }
    return { events: this.#placed.map(({ row }) => row).toReversed(), states: this.#states, missing }
  }

  async #stateBefore({ eventId, pdu }: RoomEvent, findState: FindState): Promise<KnownState | undefined> {
    const { resolver } = this.#deps
    const previous = await Promise.all(prevEventIds(pdu).map((id) => this.#stateAfter(id)))
    const known = previous.filter((state) => state !== undefined)
    if (pdu.type === 'm.room.create' && previous.length === 0) return { stateNid: 0, state: StateMap.empty }
    if (known.length === 0 || known.length < previous.length) return this.#foundState(await findState(eventId))
    const resolved = await resolver.resolveStates(this.#room, known)
    if (resolved.merge) this.#keepState(resolved.merge)
    return resolved
  }

  async #stateAfter(eventId: EventId): Promise<KnownState | undefined> {
    const known = this.#after.get(eventId)
    if (known) return known
    const row = this.#rows.get(eventId)
    if (row?.stateNid == null) return undefined
    const state = await this.#deps.store.states.load(this.#room.nid, row.stateNid)
    const after = { stateNid: row.stateNid, state }
    this.#after.set(eventId, after)
    return after
  }

  /** A state by its events, kept as what it differs in from that after the gap. */
  async #foundState(ids: readonly EventId[] | undefined): Promise<KnownState | undefined> {
    if (ids === undefined) return undefined
    const { store } = this.#deps
    const entries = await store.events.findStateKeys(this.#room.nid, ids)
    const base = await this.#stateOfChild()
    const found = new Map(entries.map((entry) => [`${entry.typeNid} ${entry.stateKeyNid}`, entry]))
    const changes: StateEntryChange[] = entries
      .filter(({ nid, typeNid, stateKeyNid }) => base.state.get(typeNid, stateKeyNid) !== nid)
      .map(({ nid, typeNid, stateKeyNid }) => ({ typeNid, stateKeyNid, event: nid }))
    for (const { typeNid, stateKeyNid } of base.state.entries()) {
      if (!found.has(`${typeNid} ${stateKeyNid}`)) changes.push({ typeNid, stateKeyNid, event: null })
    }
    if (changes.length === 0) return base
    const [stateNid] = await store.backfilledEvents.reserveNids(1)
    this.#keepState({ stateNid: stateNid!, base: base.stateNid, changes })
    return { stateNid: stateNid!, state: base.state.withChanges(changes) }
  }

  async #stateOfChild(): Promise<KnownState> {
    const stateNid = this.#extremities[0]!.childStateNid
    return { stateNid, state: await this.#deps.store.states.load(this.#room.nid, stateNid) }
  }

  #keepState({
    stateNid,
    base,
    changes,
  }: {
    stateNid: number
    base: number
    changes: BackfilledState['changes']
  }): void {
    this.#states.push({ stateNid, baseNid: base, changes })
  }

  async #isAllowed(event: RoomEvent, state: StateMap): Promise<boolean> {
    const { version } = this.#room
    return authorize(version, event, await this.#lookup(authTypesFor(version, event.pdu), state)).allowed
  }

  async #lookup(types: readonly (readonly [string, string])[], state: StateMap): Promise<StateLookup> {
    const found = new Map<string, RoomEvent>()
    for (const [type, stateKey] of [...types, ['m.room.create', ''] as const]) {
      const event = await this.#deps.events.findState(state, type, stateKey)
      if (event) found.set(stateTupleKey(type, stateKey), event)
    }
    return (type, stateKey) => found.get(stateTupleKey(type, stateKey))
  }

  async #rowOf({ event, nid }: FetchedEvent, before: KnownState, isRejected: boolean): Promise<BackfilledEvent> {
    const { eventTypes, users } = this.#deps.store
    const { pdu } = event
    const isState = pdu.state_key !== undefined
    const typeNid = await eventTypes.intern(pdu.type)
    return {
      nid,
      isState,
      isRejected,
      typeNid,
      senderNid: await users.intern(pdu.sender as UserId),
      stateBeforeNid: before.stateNid,
      stateNid: isState && !isRejected ? nid : before.stateNid,
      replaces: isState ? before.state.get(typeNid, await this.#keyOf(pdu.state_key!)) : undefined,
      relation: relationOf(pdu),
      ...(!isRejected && (await this.#redactionOf(event, before.state))),
    }
  }

  /** What the event redacts, and what has redacted it before it came. */
  async #redactionOf(event: RoomEvent, state: StateMap): Promise<Pick<BackfilledEvent, 'redacts' | 'redacted'>> {
    const redaction = await this.#redactions.findFor(event)
    const redacted = redaction && { redacted: { by: redaction.nid, prunedJson: redaction.json } }
    const targetId = redactionTarget(this.#room.version, event.pdu)
    if (targetId === undefined) return { ...redacted }
    const target = this.#targetOf(targetId)
    if (!target) return { ...redacted, redacts: { unknownTarget: targetId } }
    const left = target.isRedacted
      ? undefined
      : redactedBy(this.#room, event, target.event, await this.#lookup([['m.room.power_levels', '']], state))
    return { ...redacted, ...(left && { redacts: { target: target.nid, prunedJson: left.json } }) }
  }

  #targetOf(eventId: EventId): { nid: number; event: RoomEvent; isRedacted: boolean } | undefined {
    const placed = this.#placed.find(({ fetched }) => fetched.event.eventId === eventId)
    if (placed) return { ...placed.fetched, isRedacted: placed.row.redacted !== undefined }
    const row = this.#rows.get(eventId)
    if (row?.stateNid == null) return undefined
    return { nid: row.nid, event: this.#deps.events.parse(row), isRedacted: row.redactedBy !== null }
  }

  #keyOf(stateKey: string): Promise<number> {
    return this.#deps.store.stateKeys.intern(stateKey)
  }
}

/** Oldest first: every event comes after those of the others that it follows. */
function inOrder(fetched: ReadonlyMap<EventId, FetchedEvent>): FetchedEvent[] {
  const byDepth = [...fetched.values()].sort(
    (a, b) => a.event.pdu.depth - b.event.pdu.depth || a.event.pdu.origin_server_ts - b.event.pdu.origin_server_ts,
  )
  const ordered: FetchedEvent[] = []
  const seen = new Set<EventId>()
  for (const start of byDepth) {
    const path: { event: FetchedEvent; left: EventId[] }[] = []
    const enter = (event: FetchedEvent): void => {
      if (seen.has(event.event.eventId)) return
      seen.add(event.event.eventId)
      path.push({ event, left: [...prevEventIds(event.event.pdu)] })
    }
    enter(start)
    for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
      const next = last.left.pop()
      const previous = next === undefined ? undefined : fetched.get(next)
      if (previous) enter(previous)
      else if (next === undefined) {
        ordered.push(last.event)
        path.pop()
      }
    }
  }
  return ordered
}
