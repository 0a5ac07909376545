import { LruCache, type Logger, type Metrics } from '@hearth/runtime'
import type { Database } from '../connection/database.ts'
import type { CommittedBatch, StateEntryChange } from '../persister/room-commit.ts'
import { eventFlags } from '../tables/event-flags.ts'
import { StateEvents } from '../tables/state-events.ts'
import { StateNodes, type StateStep } from '../tables/state-nodes.ts'
import { unpackMerge } from './packed-merge.ts'
import { packSnapshot, unpackSnapshot } from './packed-snapshot.ts'
import type { StateDifference } from './state-base.ts'
import { StateCache, type CachedState } from './state-cache.ts'
import { StateMap } from './state-map.ts'

export interface StatesDeps {
  readonly db: Database
  readonly logger: Logger
  readonly metrics?: Metrics | undefined
  /** How much memory states may take; 128 MiB when absent. */
  readonly maxBytes?: number | undefined
}

/** What a state event's row adds to the way down to a snapshot: its part of `state_events` that only loading needs. */
const EVENT_STEP_BYTES = 32
const MERGE_STEP_BYTES = 80
/** A snapshot's row and index entry, and what an entry of it takes when packed. */
const SNAPSHOT_ROW_BYTES = 120
const SNAPSHOT_ENTRY_BYTES = 5
/** Below this, reading one step more costs less than a row for it. */
const MIN_BYTES_BETWEEN_SNAPSHOTS = 64 * EVENT_STEP_BYTES
const RESERVED_IDS = 20
const REMEMBERED_BASES = 50_000
/** How many of a room's states in memory a walk may stop at. */
const KNOWN_STATES = 64

/**
 * The states of rooms, by id. The id of the state after a state event is that event's nid, and its row says what the state
 * before was; so a state costs nothing to keep, and loading one walks down to the next snapshot. A snapshot is written when
 * the steps since the last one take as many bytes as it would itself.
 */
export class States {
  readonly #nodes: StateNodes
  readonly #events: StateEvents
  readonly #logger: Logger
  readonly #cache: StateCache
  /** The states before state events. */
  readonly #bases = new LruCache<number, number>({ name: 'state_bases', maxEntries: REMEMBERED_BASES })
  readonly #loading = new Map<number, Promise<StateMap>>()
  readonly #reserved: number[] = []
  #writing: Promise<void> = Promise.resolve()

  constructor(deps: StatesDeps) {
    this.#nodes = new StateNodes(deps.db)
    this.#events = new StateEvents(deps.db)
    this.#logger = deps.logger
    this.#cache = new StateCache({ maxBytes: deps.maxBytes ?? 128 * 1024 * 1024, metrics: deps.metrics })
  }

  /** A state that is in memory. */
  peek(stateNid: number): StateMap | undefined {
    return stateNid === 0 ? StateMap.empty : this.#cache.get(stateNid)?.state
  }

  /** A room's state; one query unless it is in memory. Throws when no such state is stored. */
  async load(roomNid: number, stateNid: number): Promise<StateMap> {
    const known = this.peek(stateNid)
    if (known !== undefined) return known
    let loading = this.#loading.get(stateNid)
    if (loading === undefined) {
      loading = this.#load(roomNid, stateNid).finally(() => this.#loading.delete(stateNid))
      this.#loading.set(stateNid, loading)
    }
    return loading
  }

  /** Several states of a room, by id: those that lie on the way to a newer one come with it, in one query. */
  async loadAll(roomNid: number, stateNids: Iterable<number>): Promise<Map<number, StateMap>> {
    const found = new Map<number, StateMap>()
    const missing: number[] = []
    for (const stateNid of new Set(stateNids)) {
      const known = this.peek(stateNid)
      if (known === undefined) missing.push(stateNid)
      else found.set(stateNid, known)
    }
    missing.sort((a, b) => b - a)
    for (const stateNid of missing) {
      if (found.has(stateNid)) continue
      for (const [nid, state] of await this.#loadWith(roomNid, stateNid, missing)) found.set(nid, state)
    }
    return found
  }

  /**
   * The state before a state event, at most two queries; empty for the first event and where it is not known (outliers).
   * (Before a message-like event it is the same as after it.)
   */
  async loadBefore(roomNid: number, nid: number): Promise<StateMap> {
    const base = (await this.findBases([{ roomNid, nid }])).get(nid)
    return base === undefined ? StateMap.empty : this.load(roomNid, base)
  }

  /** The ids of the states before state events of any rooms, by event; those that are not known are left out. */
  async findBases(events: readonly { readonly roomNid: number; readonly nid: number }[]): Promise<Map<number, number>> {
    const found = new Map<number, number>()
    const missing = events.filter(({ nid }) => {
      const base = this.#bases.get(nid)
      if (base !== undefined) found.set(nid, base)
      return base === undefined
    })
    for (const [nid, base] of await this.#events.findBases(missing)) {
      this.#bases.set(nid, base)
      found.set(nid, base)
    }
    return found
  }

  /** How state `after` differs from state `before`: the work is in proportion to what lies between them, mostly. */
  async difference(roomNid: number, before: number, after: number): Promise<StateDifference[]> {
    if (before === after) return []
    // One after the other: loading the second stops where it meets the first, and then shares its base.
    const [older, newer] = before < after ? [before, after] : [after, before]
    const maps = new Map([[older, await this.load(roomNid, older)]])
    maps.set(newer, await this.load(roomNid, newer))
    return maps.get(before)!.diff(maps.get(after)!)
  }

  /** An id for the outcome of a state resolution (`StateMerge.stateNid`). */
  async reserveId(): Promise<number> {
    if (this.#reserved.length === 0) this.#reserved.push(...(await this.#nodes.reserveNids(RESERVED_IDS)))
    return this.#reserved.shift() ?? this.reserveId()
  }

  /** Takes over what was committed: the states it made are in memory then, and snapshots are written where they are due. */
  applyCommitted(batch: CommittedBatch): void {
    for (const room of batch.rooms) {
      let waiting: DerivedState[] = room.merges.map(({ stateNid, base, changes }) => ({ stateNid, base, changes }))
      for (const { nid, stateBeforeNid, event } of room.events) {
        if (event.stateKeyNid === null || (event.flags & eventFlags.rejected) !== 0) continue
        const changes = [{ typeNid: event.typeNid, stateKeyNid: event.stateKeyNid, event: nid }]
        this.#bases.set(nid, stateBeforeNid)
        waiting.push({ stateNid: nid, base: stateBeforeNid, changes, isEvent: true })
      }
      // A merge may build on an event of the same commit and the other way round: what is not ready waits for another pass.
      for (let ready = 1; ready > 0;) {
        const left = waiting.filter((derived) => !this.#derive(room.roomNid, derived))
        ready = waiting.length - left.length
        waiting = left
      }
    }
  }

  /** Forgets the states of a room that is being deleted. */
  forgetRoom(roomNid: number): void {
    this.#cache.deleteRoom(roomNid)
  }

  /** Resolves when the snapshots that were due have been written. */
  async settled(): Promise<void> {
    await this.#writing
  }

  /** Bytes that states take in memory. */
  get bytes(): number {
    return this.#cache.bytes
  }

  async #load(roomNid: number, stateNid: number): Promise<StateMap> {
    return (await this.#loadWith(roomNid, stateNid, [])).get(stateNid)!
  }

  /** A state, and those of the wanted ones that lie on the way to it. */
  async #loadWith(roomNid: number, stateNid: number, wanted: readonly number[]): Promise<Map<number, StateMap>> {
    const known = new Map(this.#cache.ofRoom(roomNid, KNOWN_STATES))
    const steps = await this.#nodes.walk(roomNid, stateNid, [...known.keys()])
    const loaded = new Map<number, StateMap>()
    for (const [nid, entry] of compose(roomNid, stateNid, steps, known, new Set(wanted))) {
      // Of several states one after the other, a snapshot of the last one is enough.
      if (nid === stateNid) this.#keep(nid, entry)
      else this.#cache.set(nid, entry)
      loaded.set(nid, entry.state)
    }
    return loaded
  }

  /** Makes a state from its base, if that is in memory. */
  #derive(roomNid: number, { stateNid, base, changes, isEvent }: DerivedState): boolean {
    const below = base === 0 ? EMPTY : this.#cache.get(base)
    if (below === undefined) return false
    this.#keep(stateNid, {
      roomNid,
      state: below.state.withChanges(changes),
      bytesSinceSnapshot:
        below.bytesSinceSnapshot + (isEvent === true ? EVENT_STEP_BYTES : mergeStepBytes(changes.length)),
    })
    return true
  }

  #keep(stateNid: number, entry: CachedState): void {
    const { state, bytesSinceSnapshot } = entry
    const snapshotBytes = SNAPSHOT_ROW_BYTES + state.size * SNAPSHOT_ENTRY_BYTES
    if (bytesSinceSnapshot < Math.max(MIN_BYTES_BETWEEN_SNAPSHOTS, snapshotBytes)) {
      this.#cache.set(stateNid, entry)
      return
    }
    // Not part of any commit: a snapshot that is not written is due again when the state is next loaded.
    this.#cache.set(stateNid, { ...entry, bytesSinceSnapshot: 0 })
    this.#writing = this.#writing.then(() => this.#writeSnapshot(stateNid, entry))
  }

  async #writeSnapshot(stateNid: number, { roomNid, state }: CachedState): Promise<void> {
    try {
      await this.#nodes.insertSnapshot(roomNid, stateNid, packSnapshot(state))
    } catch (error) {
      this.#logger.warn('a state snapshot could not be written', { error, roomNid, stateNid })
    }
  }
}

interface DerivedState {
  readonly stateNid: number
  readonly base: number
  readonly changes: readonly StateEntryChange[]
  readonly isEvent?: boolean
}

const EMPTY: CachedState = { roomNid: 0, state: StateMap.empty, bytesSinceSnapshot: 0 }

function mergeStepBytes(changes: number): number {
  return MERGE_STEP_BYTES + changes * SNAPSHOT_ENTRY_BYTES
}

/** The state at the top of a walk, last, and before it those of the wanted ones that the walk passed. */
function* compose(
  roomNid: number,
  stateNid: number,
  steps: readonly StateStep[],
  known: ReadonlyMap<number, CachedState>,
  wanted: ReadonlySet<number>,
): IterableIterator<[stateNid: number, entry: CachedState]> {
  const last = steps.at(-1)
  const foundation =
    last?.kind === 'snapshot' ? undefined : last?.baseNid === 0 ? EMPTY : known.get(last?.baseNid ?? -1)
  if (last === undefined || (last.kind !== 'snapshot' && foundation === undefined)) {
    throw new Error(`the state ${stateNid} of room ${roomNid} is not stored`)
  }
  let state = foundation?.state ?? unpackSnapshot(last.data!)
  let bytesSinceSnapshot = foundation?.bytesSinceSnapshot ?? 0
  let changes: StateEntryChange[] = []
  for (const step of steps.toReversed()) {
    if (step.kind === 'merge') {
      const merged = unpackMerge(step.data!, step.origin!)
      for (const change of merged) changes.push(change)
      bytesSinceSnapshot += mergeStepBytes(merged.length)
    } else if (step.kind === 'event') {
      changes.push({ typeNid: step.typeNid!, stateKeyNid: step.stateKeyNid!, event: step.stateNid })
      bytesSinceSnapshot += EVENT_STEP_BYTES
    }
    if (step.stateNid !== stateNid && !wanted.has(step.stateNid)) continue
    if (changes.length > 0) state = state.withChanges(changes)
    changes = []
    yield [step.stateNid, { roomNid, state, bytesSinceSnapshot }]
  }
}
