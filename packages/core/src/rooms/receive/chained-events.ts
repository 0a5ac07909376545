import type { EventId } from '@hearth/protocol'
import { stateTupleKey, type RoomEvent, type StateLookup } from '@hearth/rooms'
import type { EventRef, NewEvent, StateMap, StateMerge, Store } from '@hearth/store'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import type { JudgedEvent } from './forward-extremities.ts'
import type { KnownEvents } from './known-events.ts'
import type { PlacedEvent } from './received-event.ts'
import type { KnownState } from './state-resolver.ts'

/** An event of a chain, not yet committed. */
export interface ChainedEvent {
  readonly event: RoomEvent
  readonly row: NewEvent
  readonly verdict: PlacedEvent['kind']
  readonly before: KnownState
  readonly after: KnownState
  /** The room's current state after it. */
  readonly current: KnownState
  /** It followed on the room's head and nothing else did. */
  readonly isLinear: boolean
  readonly replaced: RoomEvent | undefined
  readonly redacted: { readonly ref: EventRef; readonly event: RoomEvent } | undefined
  readonly missingPrevious: readonly EventId[]
}

/** A forward extremity of a room with a chain on top. */
export interface ChainExtremity {
  readonly ref: EventRef
  readonly event: RoomEvent
  readonly stateNid: number
}

/** Where a room stands with a chain on top. */
export interface ChainEnd {
  readonly extremities: readonly ChainExtremity[]
  readonly current: KnownState
}

/** The events of a chain, and those of the store as the chain sees them. */
export class ChainedEvents {
  readonly #store: Store
  readonly #events: RoomEvents
  readonly #known: KnownEvents
  readonly #room: Room
  readonly #chained: ChainedEvent[] = []
  readonly #indexes = new Map<EventId, number>()
  /** The events of the chain that have numbers: those that are state, and late ones. */
  readonly #byNid = new Map<number, RoomEvent>()
  /** States that are not stored yet. */
  readonly #states = new Map<number, StateMap>()
  readonly #merges = new Map<number, StateMerge>()

  constructor(deps: { store: Store; events: RoomEvents; known: KnownEvents; room: Room }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#known = deps.known
    this.#room = deps.room
  }

  /** In their order. */
  get all(): readonly ChainedEvent[] {
    return this.#chained
  }

  /** The states that resolutions made on the way. */
  get merges(): StateMerge[] {
    return [...this.#merges.values()]
  }

  /** Whether the chain has state events: states with them cannot be resolved before they are committed. */
  get makesStates(): boolean {
    return this.#byNid.size > 0
  }

  has(eventId: EventId): boolean {
    return this.#indexes.has(eventId)
  }

  push(chained: ChainedEvent): void {
    this.#indexes.set(chained.event.eventId, this.#chained.length)
    this.#chained.push(chained)
    this.#states.set(chained.after.stateNid, chained.after.state)
    if (chained.row.nid !== undefined) this.#byNid.set(chained.row.nid, chained.event)
  }

  addMerge(merge: StateMerge, state: StateMap): void {
    this.#merges.set(merge.stateNid, merge)
    this.#states.set(merge.stateNid, state)
  }

  /** An event of the chain. */
  get(eventId: EventId): ChainedEvent | undefined {
    const index = this.#indexes.get(eventId)
    return index === undefined ? undefined : this.#chained[index]
  }

  /** An event of the chain or of the store, outliers included. */
  find(eventId: EventId): { readonly event: RoomEvent; readonly nid: EventRef } | undefined {
    const index = this.#indexes.get(eventId)
    if (index === undefined) return this.#known.get(eventId)
    const { event, row } = this.#chained[index]!
    return { event, nid: row.nid ?? -(1 + index) }
  }

  /** As `find`, with whether it was refused; what was not looked up yet is. */
  async judged(eventId: EventId): Promise<JudgedEvent | undefined> {
    const chained = this.get(eventId)
    if (chained) return { event: chained.event, isRefused: chained.verdict !== 'accepted' }
    if (this.#known.get(eventId) === undefined) await this.#known.load([eventId])
    return this.#known.get(eventId)
  }

  /** The event with a number. */
  async eventOf(nid: number): Promise<RoomEvent | undefined> {
    return this.#byNid.get(nid) ?? (await this.#events.findByNids([nid])).get(nid)
  }

  /** The event that holds a key of a state. */
  async inState(state: StateMap, type: string, stateKey: string): Promise<RoomEvent | undefined> {
    const nid = await this.#events.findStateNid(state, type, stateKey)
    return nid === undefined ? undefined : this.eventOf(nid)
  }

  /** The events of a state under these keys. */
  async lookup(state: StateMap, tuples: readonly (readonly [string, string])[]): Promise<StateLookup> {
    const nids = new Map<string, number>()
    for (const [type, stateKey] of tuples) {
      const nid = await this.#events.findStateNid(state, type, stateKey)
      if (nid !== undefined) nids.set(stateTupleKey(type, stateKey), nid)
    }
    const stored = await this.#events.findByNids([...nids.values()].filter((nid) => !this.#byNid.has(nid)))
    return (type, stateKey) => {
      const nid = nids.get(stateTupleKey(type, stateKey))
      return nid === undefined ? undefined : (this.#byNid.get(nid) ?? stored.get(nid))
    }
  }

  /** The id of the state after an event; undefined when it is not known. */
  stateAfter(eventId: EventId): number | undefined {
    return this.get(eventId)?.after.stateNid ?? this.#known.get(eventId)?.stateNid ?? undefined
  }

  /** A state of the chain or of the store. */
  async state(stateNid: number): Promise<KnownState> {
    const { head, nid } = this.#room
    if (stateNid === head.stateNid) return { stateNid, state: head.state }
    return { stateNid, state: this.#states.get(stateNid) ?? (await this.#store.states.load(nid, stateNid)) }
  }

  /** How a commit of the chain refers to an event with a number. */
  refOf(nid: number): EventRef {
    const index = this.#chained.findIndex(({ row }) => row.nid === nid)
    return index === -1 ? nid : -(1 + index)
  }

  /** The number of what a commit of the chain referred to, whose first event took `firstPos`. */
  nidOf(ref: EventRef, firstPos: number): number {
    return ref >= 0 ? ref : (this.#chained[-ref - 1]!.row.nid ?? firstPos - ref - 1)
  }
}
