import type { AuthGraph, StateConflict } from '@hearth/rooms'
import { EMPTY_STATE_KEY } from '../tables/state-keys.ts'
import { wellKnownTypes } from '../tables/event-types.ts'
import { NidIndex } from './nid-index.ts'

/** A state event and its auth events. */
export interface AuthGraphEvent {
  readonly nid: number
  readonly typeNid: number
  readonly stateKeyNid: number
  readonly auth: readonly number[]
}

/** States that can be told apart in one pass: bits of a signed 32-bit number. */
const SETS_PER_PASS = 31

/**
 * A room's state events and their auth events, in memory: about 40 bytes an event. Every event comes after its auth
 * events, so that one pass over the arrays, from the end, follows all chains.
 */
export class RoomAuthGraph implements AuthGraph<number> {
  readonly #index = new NidIndex()
  /** Where each event's auth events begin in `edges`; one more than there are events. */
  #starts = new Int32Array(65)
  #edges = new Int32Array(256)
  #powerLevels = new Uint8Array(64)

  /** The graph of events in any order. Auth events that are not among them are left out. */
  static of(events: readonly AuthGraphEvent[]): RoomAuthGraph {
    const graph = new RoomAuthGraph()
    const waiting = new Map<number, AuthGraphEvent>()
    for (const event of events) if (!graph.append(event)) waiting.set(event.nid, event)
    for (const event of inAuthOrder(waiting)) graph.#add(event)
    return graph
  }

  get size(): number {
    return this.#index.size
  }

  get bytes(): number {
    return this.#index.bytes + this.#starts.byteLength + this.#edges.byteLength + this.#powerLevels.byteLength
  }

  has(nid: number): boolean {
    return this.#index.find(nid) !== -1
  }

  /** Adds an event whose auth events are all here; returns false, and does nothing, if they are not. */
  append(event: AuthGraphEvent): boolean {
    if (this.has(event.nid)) return true
    if (!event.auth.every((nid) => this.has(nid))) return false
    this.#add(event)
    return true
  }

  authEventsOf(nid: number): number[] {
    const index = this.#index.find(nid)
    if (index === -1) return []
    return Array.from(this.#edges.subarray(this.#starts[index], this.#starts[index + 1]), (auth) =>
      this.#index.nid(auth),
    )
  }

  isPowerLevels(nid: number): boolean {
    const index = this.#index.find(nid)
    return index !== -1 && this.#powerLevels[index] === 1
  }

  /** The auth events of these events, theirs, and so on; the events themselves only if others lead to them. */
  authChain(nids: Iterable<number>): number[] {
    const reached = new Int32Array(this.size)
    const sources = new Int32Array(this.size)
    this.#mark(sources, nids, 1)
    this.#spread(sources, reached)
    return this.#collect((index) => reached[index] === 1)
  }

  /**
   * The events in some but not all of the states' auth chains, where an event of a state counts as part of its chain: see
   * `authDifference` of the package `rooms`.
   * {@link https://spec.matrix.org/v1.19/rooms/v2/#definitions}
   */
  authDifference({ unconflicted, conflicted }: StateConflict<number>): number[] {
    const shared = new Int32Array(this.size)
    this.#mark(shared, unconflicted, 1)
    const inSome = new Uint8Array(this.size)
    const inAll = new Uint8Array(this.size).fill(1)
    for (let first = 0; first < conflicted.length; first += SETS_PER_PASS) {
      const sets = conflicted.slice(first, first + SETS_PER_PASS)
      const all = sets.length === SETS_PER_PASS ? 0x7fffffff : (1 << sets.length) - 1
      const reached = shared.map((marked) => (marked === 1 ? all : 0))
      sets.forEach((nids, i) => this.#mark(reached, nids, 1 << i))
      this.#spread(reached, reached)
      for (let index = 0; index < reached.length; index++) {
        if (reached[index] !== 0) inSome[index] = 1
        if (reached[index] !== all) inAll[index] = 0
      }
    }
    return this.#collect((index) => inSome[index] === 1 && inAll[index] === 0)
  }

  /** Hands the bits of each event, and those that reached it, on to its auth events. Both may be one array. */
  #spread(sources: Int32Array, reached: Int32Array): void {
    const [starts, edges] = [this.#starts, this.#edges]
    for (let index = this.size - 1; index >= 0; index--) {
      const bits = sources[index]! | reached[index]!
      if (bits === 0) continue
      for (let edge = starts[index]!; edge < starts[index + 1]!; edge++) reached[edges[edge]!]! |= bits
    }
  }

  #mark(sources: Int32Array, nids: Iterable<number>, bits: number): void {
    for (const nid of nids) {
      const index = this.#index.find(nid)
      if (index !== -1) sources[index]! |= bits
    }
  }

  #collect(wanted: (index: number) => boolean): number[] {
    const nids: number[] = []
    for (let index = 0; index < this.size; index++) if (wanted(index)) nids.push(this.#index.nid(index))
    return nids
  }

  #add({ nid, typeNid, stateKeyNid, auth }: AuthGraphEvent): void {
    const index = this.#index.add(nid)
    let end = this.#starts[index]!
    if (index + 2 > this.#starts.length) this.#starts = grown(this.#starts, Int32Array)
    if (index + 1 > this.#powerLevels.length) this.#powerLevels = grown(this.#powerLevels, Uint8Array)
    while (end + auth.length > this.#edges.length) this.#edges = grown(this.#edges, Int32Array)
    for (const authNid of auth) {
      const authIndex = this.#index.find(authNid)
      if (authIndex !== -1 && authIndex !== index) this.#edges[end++] = authIndex
    }
    this.#starts[index + 1] = end
    this.#powerLevels[index] = Number(
      typeNid === wellKnownTypes['m.room.power_levels'] && stateKeyNid === EMPTY_STATE_KEY,
    )
  }
}

function grown<Column extends Int32Array | Uint8Array>(column: Column, make: new (length: number) => Column): Column {
  const larger = new make(column.length * 2)
  larger.set(column)
  return larger
}

/** Events so that each comes after those of its auth events that are among them. Depth first, without recursion. */
function* inAuthOrder(events: ReadonlyMap<number, AuthGraphEvent>): IterableIterator<AuthGraphEvent> {
  const seen = new Set<number>()
  for (const start of events.values()) {
    const path = [{ event: start, next: 0 }]
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const { event } = step
      if (step.next === 0 && seen.has(event.nid)) {
        path.pop()
        continue
      }
      seen.add(event.nid)
      const auth = event.auth[step.next++]
      if (auth === undefined) {
        path.pop()
        yield event
      } else {
        const below = events.get(auth)
        if (below !== undefined && !seen.has(auth)) path.push({ event: below, next: 0 })
      }
    }
  }
}
