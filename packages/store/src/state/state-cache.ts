import { publishCache, type CacheFigures, type Metrics } from '@hearth/runtime'
import type { StateBase } from './state-base.ts'
import type { StateMap } from './state-map.ts'

/** A state in memory, and how much must be read to load it from the database. */
export interface CachedState {
  readonly roomNid: number
  readonly state: StateMap
  /** About how many bytes of differences there are since the last snapshot on the way to it. */
  readonly bytesSinceSnapshot: number
}

export interface StateCacheOptions {
  readonly maxBytes: number
  readonly metrics?: Metrics | undefined
}

/** An entry's part in the maps below. */
const ENTRY_BYTES = 200

/** States by id, the least recently used dropped first. A base that several states share is counted once. */
export class StateCache {
  readonly #maxBytes: number
  readonly #entries = new Map<number, CachedState>()
  readonly #byRoom = new Map<number, Set<number>>()
  readonly #uses = new Map<StateBase, number>()
  #bytes = 0
  #hits = 0
  #misses = 0

  constructor(options: StateCacheOptions) {
    this.#maxBytes = options.maxBytes
    if (options.metrics !== undefined) publishCache(options.metrics, 'states', () => this.#figures())
  }

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#entries.size
  }

  get(stateNid: number): CachedState | undefined {
    const entry = this.#entries.get(stateNid)
    if (entry === undefined) {
      this.#misses++
      return undefined
    }
    this.#hits++
    this.#entries.delete(stateNid)
    this.#entries.set(stateNid, entry)
    return entry
  }

  /** The room's states in memory, oldest first; at most `limit`, the newest. */
  ofRoom(roomNid: number, limit: number): [stateNid: number, entry: CachedState][] {
    return [...(this.#byRoom.get(roomNid) ?? [])]
      .slice(-limit)
      .map((stateNid) => [stateNid, this.#entries.get(stateNid)!])
  }

  set(stateNid: number, entry: CachedState): void {
    this.delete(stateNid)
    this.#entries.set(stateNid, entry)
    const { roomNid, state } = entry
    const ofRoom = this.#byRoom.get(roomNid)
    if (ofRoom === undefined) this.#byRoom.set(roomNid, new Set([stateNid]))
    else ofRoom.add(stateNid)
    const uses = this.#uses.get(state.base) ?? 0
    this.#uses.set(state.base, uses + 1)
    this.#bytes += ENTRY_BYTES + state.ownBytes + (uses === 0 ? state.base.bytes : 0)
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === stateNid) break
      this.delete(oldest)
    }
  }

  delete(stateNid: number): void {
    const entry = this.#entries.get(stateNid)
    if (entry === undefined) return
    const { roomNid, state } = entry
    this.#entries.delete(stateNid)
    const ofRoom = this.#byRoom.get(roomNid)!
    ofRoom.delete(stateNid)
    if (ofRoom.size === 0) this.#byRoom.delete(roomNid)
    const uses = this.#uses.get(state.base)! - 1
    if (uses === 0) this.#uses.delete(state.base)
    else this.#uses.set(state.base, uses)
    this.#bytes -= ENTRY_BYTES + state.ownBytes + (uses === 0 ? state.base.bytes : 0)
  }

  deleteRoom(roomNid: number): void {
    for (const stateNid of [...(this.#byRoom.get(roomNid) ?? [])]) this.delete(stateNid)
  }

  #figures(): CacheFigures {
    const figures = { entries: this.#entries.size, bytes: this.#bytes, hits: this.#hits, misses: this.#misses }
    this.#hits = 0
    this.#misses = 0
    return figures
  }
}
