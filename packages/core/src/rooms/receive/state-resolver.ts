import {
  authTypesFor,
  planResolution,
  resolveState,
  stateTupleKey,
  unconflictedNeeded,
  type ResolutionPlan,
  type ResolutionSource,
  type RoomEvent,
  type RoomVersion,
  type StateConflict,
} from '@hearth/rooms'
import { LruCache, type Metrics } from '@hearth/runtime'
import type { AuthGraphEvent, StateEntryChange, StateMap, StateMerge, Store } from '@hearth/store'
import type { RoomEvents } from '../room-events.ts'

/** A state and its id. */
export interface KnownState {
  readonly stateNid: number
  readonly state: StateMap
}

/** What several states come to. */
export interface ResolvedState extends KnownState {
  /** The resolution made a new state: this has to be committed with whatever refers to it. */
  readonly merge?: StateMerge | undefined
}

/** A state event that is about to be committed, and its number. */
export interface UncommittedStateEvent {
  readonly graphEvent: AuthGraphEvent
  readonly event: RoomEvent
}

/** What remembered outcomes may take: far more than those of a server's busy rooms. */
const maxOutcomeBytes = 16 * 1024 * 1024

type VersionedRoom = { readonly nid: number; readonly version: RoomVersion }

/**
 * Resolves the states of rooms whose history has forked. The outcome for the same states is found once.
 * {@link https://spec.matrix.org/v1.19/rooms/v12/#state-resolution}
 */
export class StateResolver {
  readonly #store: Store
  readonly #events: RoomEvents
  readonly #outcomes: LruCache<string, Outcome>

  constructor(deps: { store: Store; events: RoomEvents; metrics?: Metrics | undefined }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#outcomes = new LruCache({
      name: 'resolved-states',
      maxBytes: maxOutcomeBytes,
      sizeOf: ({ merge }) => 200 + (merge?.changes.length ?? 0) * 60,
      ...(deps.metrics && { metrics: deps.metrics }),
    })
  }

  /** Resolves stored states of a room. */
  async resolve(room: VersionedRoom, stateNids: readonly number[]): Promise<ResolvedState> {
    const distinct = [...new Set(stateNids)].sort((a, b) => a - b)
    const known = this.#outcomes.get(keyOf(room, distinct))
    const state = known && this.#store.states.peek(known.stateNid)
    if (state !== undefined) return { stateNid: known!.stateNid, state }
    const states = await this.#store.states.loadAll(room.nid, distinct)
    return this.resolveStates(
      room,
      distinct.map((stateNid) => ({ stateNid, state: states.get(stateNid)! })),
    )
  }

  /**
   * Resolves states of a room, which need not be stored; one of them may be that after an event which is not committed yet.
   */
  async resolveStates(
    room: VersionedRoom,
    given: readonly KnownState[],
    uncommitted?: UncommittedStateEvent,
  ): Promise<ResolvedState> {
    const states = [...new Map(given.map((each) => [each.stateNid, each])).values()].sort(
      (a, b) => a.stateNid - b.stateNid,
    )
    const [first, ...others] = states
    if (first === undefined) throw new RangeError('there is no state to resolve')
    if (others.length === 0) return first
    const key = keyOf(
      room,
      states.map(({ stateNid }) => stateNid),
    )
    const known = this.#outcomes.get(key)
    if (known !== undefined) return this.#recall(states, known)
    const resolved = await this.#resolveDistinct(room, [first, ...others], uncommitted)
    this.#outcomes.set(key, { stateNid: resolved.stateNid, merge: resolved.merge })
    return resolved
  }

  async #resolveDistinct(
    room: VersionedRoom,
    states: readonly [KnownState, ...KnownState[]],
    uncommitted: UncommittedStateEvent | undefined,
  ): Promise<ResolvedState> {
    const [first, ...others] = states
    const conflicts = conflictingKeys(room.version, first.state, others)
    if (conflicts.keys.length === 0 && conflicts.additions.length === 0) return first
    const changes =
      conflicts.keys.length === 0
        ? conflicts.additions
        : await this.#resolveConflicts(room, states, conflicts, uncommitted)
    return this.#merged(states, first.state.withChanges(changes))
  }

  async #resolveConflicts(
    room: VersionedRoom,
    states: readonly KnownState[],
    { keys, additions }: ConflictingKeys,
    uncommitted: UncommittedStateEvent | undefined,
  ): Promise<StateEntryChange[]> {
    const conflicted = states.map(({ state }) =>
      keys.flatMap(({ typeNid, stateKeyNid }) => state.get(typeNid, stateKeyNid) ?? []),
    )
    const known = conflicted.flat().filter((nid) => nid !== uncommitted?.graphEvent.nid)
    const graph = await this.#store.authGraphs.load(room.nid, [
      ...new Set([...known, ...(uncommitted?.graphEvent.auth ?? [])]),
    ])
    // Should it never be committed, then no state leads to it either.
    if (uncommitted !== undefined) graph.append(uncommitted.graphEvent)

    const cleared = keys.map(({ typeNid, stateKeyNid }) => ({ typeNid, stateKeyNid, event: null }))
    const unconflictedState = states[0]!.state.withChanges([...additions, ...cleared])
    const conflict: StateConflict<number> = {
      unconflicted: nidsOf(unconflictedState),
      conflicted,
    }
    const plan = planResolution(room.version, conflict, graph)
    const events = await this.#events.findByNids(
      [...plan.eventsNeeded].filter((nid) => nid !== uncommitted?.graphEvent.nid),
    )
    if (uncommitted !== undefined) events.set(uncommitted.graphEvent.nid, uncommitted.event)
    const lookup = await this.#lookupFor(room.version, plan, events)
    const source: ResolutionSource<number> = {
      graph,
      event: (nid) => events.get(nid),
      unconflicted: (type, stateKey) => {
        const numbered = lookup.get(stateTupleKey(type, stateKey))
        return numbered && unconflictedState.get(numbered.typeNid, numbered.stateKeyNid)
      },
    }
    const needed = [...unconflictedNeeded(room.version, plan, source)].filter((nid) => !events.has(nid))
    for (const [nid, event] of await this.#events.findByNids(needed)) events.set(nid, event)

    const changes: StateEntryChange[] = [...additions, ...cleared]
    for (const { type, stateKey, id } of resolveState(room.version, plan, source)) {
      changes.push({ ...lookup.get(stateTupleKey(type, stateKey))!, event: id })
    }
    return changes
  }

  /** The numbers of all keys that the resolution may ask for. */
  async #lookupFor(
    version: RoomVersion,
    plan: ResolutionPlan<number>,
    events: ReadonlyMap<number, RoomEvent>,
  ): Promise<Map<string, { typeNid: number; stateKeyNid: number }>> {
    const tuples = new Map<string, readonly [type: string, stateKey: string]>()
    function add(type: string, stateKey: string): void {
      tuples.set(stateTupleKey(type, stateKey), [type, stateKey])
    }
    add('m.room.create', '')
    add('m.room.power_levels', '')
    for (const nid of plan.fullConflicted) {
      const pdu = events.get(nid)?.pdu
      if (pdu === undefined) continue
      if (pdu.state_key !== undefined) add(pdu.type, pdu.state_key)
      for (const [type, stateKey] of authTypesFor(version, pdu)) add(type, stateKey)
    }
    const { eventTypes, stateKeys } = this.#store
    const typeNids = await eventTypes.findAll([...new Set([...tuples.values()].map(([type]) => type))])
    const keyNids = await stateKeys.findAll([...new Set([...tuples.values()].map(([, stateKey]) => stateKey))])
    const lookup = new Map<string, { typeNid: number; stateKeyNid: number }>()
    for (const [tuple, [type, stateKey]] of tuples) {
      const [typeNid, stateKeyNid] = [typeNids.get(type), keyNids.get(stateKey)]
      if (typeNid !== undefined && stateKeyNid !== undefined) lookup.set(tuple, { typeNid, stateKeyNid })
    }
    return lookup
  }

  /** The resolved state as one of those it was made of, or as a small difference from the most similar one. */
  async #merged(states: readonly KnownState[], state: StateMap): Promise<ResolvedState> {
    let best: { base: number; changes: StateEntryChange[] } | undefined
    for (const candidate of states) {
      const changes = candidate.state
        .diff(state)
        .map(({ typeNid, stateKeyNid, after }) => ({ typeNid, stateKeyNid, event: after ?? null }))
      if (changes.length === 0) return candidate
      if (best === undefined || changes.length < best.changes.length) best = { base: candidate.stateNid, changes }
    }
    const stateNid = await this.#store.states.reserveId()
    return { stateNid, state, merge: { stateNid, ...best! } }
  }

  /** An outcome that is remembered. Whether its merge was ever committed is not known, unless the state is in memory. */
  #recall(states: readonly KnownState[], { stateNid, merge }: Outcome): ResolvedState {
    const state = this.#store.states.peek(stateNid)
    if (state !== undefined) return { stateNid, state }
    const base = states.find((each) => each.stateNid === (merge?.base ?? stateNid))!.state
    return merge === undefined ? { stateNid, state: base } : { stateNid, state: base.withChanges(merge.changes), merge }
  }
}

/** One of the states that were resolved, or a new one. */
interface Outcome {
  readonly stateNid: number
  readonly merge: StateMerge | undefined
}

function keyOf(room: VersionedRoom, stateNids: readonly number[]): string {
  return `${room.nid} ${stateNids.join(' ')}`
}

interface ConflictingKeys {
  readonly keys: readonly { readonly typeNid: number; readonly stateKeyNid: number }[]
  /** Keys that the first state lacks and that are no conflict. */
  readonly additions: readonly StateEntryChange[]
}

/** The keys on which states do not agree. Algorithm v1 takes a key that only some states have for no conflict. */
function conflictingKeys(version: RoomVersion, first: StateMap, others: readonly KnownState[]): ConflictingKeys {
  const differing = new Map<string, { typeNid: number; stateKeyNid: number }>()
  for (const { state } of others) {
    for (const { typeNid, stateKeyNid } of first.diff(state)) {
      differing.set(`${typeNid} ${stateKeyNid}`, { typeNid, stateKeyNid })
    }
  }
  const all = [...differing.values()]
  if (version.stateResolution !== 'v1') return { keys: all, additions: [] }
  const keys: { typeNid: number; stateKeyNid: number }[] = []
  const additions: StateEntryChange[] = []
  for (const key of all) {
    const nids = new Set(
      [first, ...others.map(({ state }) => state)].flatMap((state) => state.get(key.typeNid, key.stateKeyNid) ?? []),
    )
    if (nids.size > 1) keys.push(key)
    else if (first.get(key.typeNid, key.stateKeyNid) === undefined) additions.push({ ...key, event: [...nids][0]! })
  }
  return { keys, additions }
}

function* nidsOf(state: StateMap): IterableIterator<number> {
  for (const { nid } of state.entries()) yield nid
}
