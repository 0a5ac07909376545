import { StateBase, type StateDifference, type StateEntry } from './state-base.ts'

const TWO_32 = 2 ** 32
const REMOVED = 0
const MIN_OVERLAY = 32
const MAX_OVERLAY = 256
/** A Map of small numbers takes about this many bytes an entry. */
const OVERLAY_ENTRY_BYTES = 48

/**
 * A room's state: which event holds each (type, state key). Immutable. Versions of a room's state share a base of typed
 * arrays, each with a small overlay of what differs from it, so that a change costs microseconds in a room of any size.
 */
export class StateMap {
  static readonly empty = new StateMap(StateBase.empty, new Map(), 0)

  /** What versions share. */
  readonly base: StateBase
  /** How many keys it has. */
  readonly size: number
  readonly #overlay: ReadonlyMap<number, number>

  private constructor(base: StateBase, overlay: ReadonlyMap<number, number>, size: number) {
    this.base = base
    this.#overlay = overlay
    this.size = size
  }

  /** A state of entries in any order; of several with the same key the last one counts. */
  static of(entries: Iterable<StateEntry>): StateMap {
    const byKey = new Map<number, number>()
    for (const { typeNid, stateKeyNid, nid } of entries) byKey.set(keyOf(typeNid, stateKeyNid), nid)
    return StateMap.onBase(StateBase.merge(StateBase.empty, sorted(byKey)))
  }

  /** A state that is exactly a base. */
  static onBase(base: StateBase): StateMap {
    return new StateMap(base, new Map(), base.size)
  }

  /** About how many bytes this version takes besides its base. */
  get ownBytes(): number {
    return 64 + this.#overlay.size * OVERLAY_ENTRY_BYTES
  }

  /** The event that holds a key. */
  get(typeNid: number, stateKeyNid: number): number | undefined {
    const changed = this.#overlay.get(keyOf(typeNid, stateKeyNid))
    if (changed === undefined) return this.base.get(typeNid, stateKeyNid)
    return changed === REMOVED ? undefined : changed
  }

  /** This state with one key set. */
  with(typeNid: number, stateKeyNid: number, nid: number): StateMap {
    return this.withChanges([{ typeNid, stateKeyNid, event: nid }])
  }

  /** This state with keys set (to the nid of their event) or removed (null). */
  withChanges(
    changes: Iterable<{ readonly typeNid: number; readonly stateKeyNid: number; readonly event: number | null }>,
  ): StateMap {
    const overlay = new Map(this.#overlay)
    let size = this.size
    for (const { typeNid, stateKeyNid, event } of changes) {
      const key = keyOf(typeNid, stateKeyNid)
      const inOverlay = overlay.get(key)
      const existed =
        inOverlay === undefined ? this.base.get(typeNid, stateKeyNid) !== undefined : inOverlay !== REMOVED
      size += Number(event !== null) - Number(existed)
      overlay.set(key, event ?? REMOVED)
    }
    // About the square root of the size keeps both costs low: copying the overlay each time, copying the base now and then.
    const limit = Math.min(MAX_OVERLAY, Math.max(MIN_OVERLAY, Math.sqrt(size)))
    if (overlay.size <= limit) return new StateMap(this.base, overlay, size)
    return StateMap.onBase(StateBase.merge(this.base, sorted(overlay)))
  }

  /** All entries, by type and state key. */
  *entries(): IterableIterator<StateEntry> {
    yield* this.#flat().entries()
  }

  /** All entries of one type, by state key. */
  *entriesOfType(typeNid: number): IterableIterator<StateEntry> {
    yield* this.#flat().entriesOfType(typeNid)
  }

  /** How `other` differs from this state, by type and state key. */
  diff(other: StateMap): StateDifference[] {
    if (other === this) return []
    if (other.base !== this.base) return this.#flat().diff(other.#flat())
    const differences: StateDifference[] = []
    for (const key of [...new Set([...this.#overlay.keys(), ...other.#overlay.keys()])].sort((a, b) => a - b)) {
      const [typeNid, stateKeyNid] = [Math.floor(key / TWO_32), key % TWO_32]
      const [before, after] = [this.get(typeNid, stateKeyNid), other.get(typeNid, stateKeyNid)]
      if (before !== after) differences.push({ typeNid, stateKeyNid, before, after })
    }
    return differences
  }

  /** The whole state as one base. */
  flatten(): StateMap {
    return this.#overlay.size === 0 ? this : StateMap.onBase(this.#flat())
  }

  #flat(): StateBase {
    return this.#overlay.size === 0 ? this.base : StateBase.merge(this.base, sorted(this.#overlay))
  }
}

function keyOf(typeNid: number, stateKeyNid: number): number {
  return typeNid * TWO_32 + stateKeyNid
}

function sorted(changes: ReadonlyMap<number, number>): StateEntry[] {
  return [...changes]
    .sort(([a], [b]) => a - b)
    .map(([key, nid]) => ({ typeNid: Math.floor(key / TWO_32), stateKeyNid: key % TWO_32, nid }))
}
