import { StateBase, type StateDifference, type StateEntry } from './state-base.ts'

const TWO_32 = 2 ** 32
const REMOVED = 0
const MIN_OVERLAY = 32
const MAX_OVERLAY = 256
/** A Map of small numbers takes about this many bytes an entry. */
const OVERLAY_ENTRY_BYTES = 48

/** A key set to another event, or removed (null). */
interface StateChange {
  readonly typeNid: number
  readonly stateKeyNid: number
  readonly event: number | null
}

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
    return StateMap.onBase(StateBase.merge(StateBase.empty, inOrder([...entries])))
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
  withChanges(changes: readonly StateChange[]): StateMap {
    if (changes.length > MAX_OVERLAY) {
      // Without an overlay: a Map of that many keys would take many times as long as putting them in order.
      const entries = changes.map(({ typeNid, stateKeyNid, event }) => ({
        typeNid,
        stateKeyNid,
        nid: event ?? REMOVED,
      }))
      return StateMap.onBase(StateBase.merge(this.#flat(), inOrder(entries)))
    }
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

  /** The events of all entries, by type and state key. */
  nids(): readonly number[] {
    return Array.from(this.#flat().columns.nids)
  }

  /** The events of all entries but those of one type, by type and state key. */
  nidsWithout(typeNid: number): readonly number[] {
    const flat = this.#flat()
    return [...flat.columns.types].flatMap((type) => (type === typeNid ? [] : Array.from(flat.nidsOfType(type))))
  }

  /** The events of all entries of one type, by state key. */
  nidsOfType(typeNid: number): readonly number[] {
    return Array.from(this.#flat().nidsOfType(typeNid))
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

/**
 * Entries by type and state key; of several with the same key the last one. Numbers are sorted, each a state key with its
 * place in the list, which takes a tenth of the time of comparing entries and is exact for millions of them.
 */
function inOrder(entries: readonly StateEntry[]): StateEntry[] {
  const placesByType = new Map<number, number[]>()
  entries.forEach(({ typeNid, stateKeyNid }, place) => {
    let places = placesByType.get(typeNid)
    if (!places) placesByType.set(typeNid, (places = []))
    places.push(stateKeyNid * entries.length + place)
  })
  const ordered: StateEntry[] = []
  for (const [, places] of [...placesByType].sort(([a], [b]) => a - b)) {
    const sortedPlaces = Float64Array.from(places).sort()
    sortedPlaces.forEach((each, index) => {
      const entry = entries[each % entries.length]!
      const next = sortedPlaces[index + 1]
      if (next === undefined || Math.floor(next / entries.length) !== entry.stateKeyNid) ordered.push(entry)
    })
  }
  return ordered
}

function keyOf(typeNid: number, stateKeyNid: number): number {
  return typeNid * TWO_32 + stateKeyNid
}

function sorted(changes: ReadonlyMap<number, number>): StateEntry[] {
  return [...changes]
    .sort(([a], [b]) => a - b)
    .map(([key, nid]) => ({ typeNid: Math.floor(key / TWO_32), stateKeyNid: key % TWO_32, nid }))
}
