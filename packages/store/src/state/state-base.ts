import { StateColumnsBuilder, type StateColumns } from './state-columns.ts'

/** One key of a state and its event. */
export interface StateEntry {
  readonly typeNid: number
  readonly stateKeyNid: number
  readonly nid: number
}

/** A key that differs between two states; `before` or `after` is undefined where the key is absent. */
export interface StateDifference {
  readonly typeNid: number
  readonly stateKeyNid: number
  readonly before: number | undefined
  readonly after: number | undefined
}

/** What versions of a room's state share: a state in typed arrays. */
export class StateBase {
  static readonly empty = new StateBase(new StateColumnsBuilder(0).build())

  readonly columns: StateColumns

  constructor(columns: StateColumns) {
    this.columns = columns
  }

  /** A base with changes applied, which are sorted by type and state key; a nid of 0 removes the key. */
  static merge(base: StateBase, changes: readonly StateEntry[]): StateBase {
    const builder = new StateColumnsBuilder(base.size + changes.length)
    let at = 0
    for (const change of changes) {
      at = base.#copyBefore(at, change, builder)
      if (change.nid !== 0) builder.add(change.typeNid, change.stateKeyNid, change.nid)
    }
    base.#copyBefore(at, undefined, builder)
    return new StateBase(builder.build())
  }

  get size(): number {
    return this.columns.keys.length
  }

  get bytes(): number {
    return 128 + this.columns.types.length * 8 + this.columns.keys.length * 12
  }

  get(typeNid: number, stateKeyNid: number): number | undefined {
    const type = this.#typeIndex(typeNid)
    if (type === -1) return undefined
    const at = lowerBound(this.columns.keys, stateKeyNid, this.columns.starts[type]!, this.columns.starts[type + 1]!)
    return at < this.columns.starts[type + 1]! && this.columns.keys[at] === stateKeyNid
      ? this.columns.nids[at]
      : undefined
  }

  *entries(): IterableIterator<StateEntry> {
    for (const typeNid of this.columns.types) yield* this.entriesOfType(typeNid)
  }

  *entriesOfType(typeNid: number): IterableIterator<StateEntry> {
    const type = this.#typeIndex(typeNid)
    if (type === -1) return
    for (let at = this.columns.starts[type]!; at < this.columns.starts[type + 1]!; at++) {
      yield { typeNid, stateKeyNid: this.columns.keys[at]!, nid: this.columns.nids[at]! }
    }
  }

  /** The events of one type, by state key. */
  nidsOfType(typeNid: number): Float64Array {
    const type = this.#typeIndex(typeNid)
    const { starts, nids } = this.columns
    return type === -1 ? nids.subarray(0, 0) : nids.subarray(starts[type], starts[type + 1])
  }

  /** How `other` differs from this base. */
  diff(other: StateBase): StateDifference[] {
    const differences: StateDifference[] = []
    let [i, j, a, b] = [0, 0, 0, 0]
    while (i < this.size || j < other.size) {
      while (i < this.size && this.columns.starts[a + 1]! <= i) a++
      while (j < other.size && other.columns.starts[b + 1]! <= j) b++
      const order = i >= this.size ? 1 : j >= other.size ? -1 : this.#compare(a, i, other, b, j)
      if (order === 0) {
        if (this.columns.nids[i] !== other.columns.nids[j])
          differences.push(this.#difference(a, i, this.columns.nids[i], other.columns.nids[j]))
        i++
        j++
      } else if (order < 0) differences.push(this.#difference(a, i, this.columns.nids[i++], undefined))
      else differences.push(other.#difference(b, j, undefined, other.columns.nids[j++]))
    }
    return differences
  }

  #compare(a: number, i: number, other: StateBase, b: number, j: number): number {
    return this.columns.types[a]! - other.columns.types[b]! || this.columns.keys[i]! - other.columns.keys[j]!
  }

  #difference(type: number, at: number, before: number | undefined, after: number | undefined): StateDifference {
    return { typeNid: this.columns.types[type]!, stateKeyNid: this.columns.keys[at]!, before, after }
  }

  /** Hands entries from index `from` up to a key (or the end) on, and returns the index after that key. */
  #copyBefore(from: number, key: StateEntry | undefined, builder: StateColumnsBuilder): number {
    let until = this.size
    let found = false
    if (key !== undefined) {
      const type = lowerBound(this.columns.types, key.typeNid, 0, this.columns.types.length)
      until = this.columns.starts[type]!
      if (this.columns.types[type] === key.typeNid) {
        until = lowerBound(this.columns.keys, key.stateKeyNid, until, this.columns.starts[type + 1]!)
        found = until < this.columns.starts[type + 1]! && this.columns.keys[until] === key.stateKeyNid
      }
    }
    for (let type = 0; type < this.columns.types.length; type++) {
      const [start, end] = [Math.max(from, this.columns.starts[type]!), Math.min(until, this.columns.starts[type + 1]!)]
      if (start < end)
        builder.addRun(
          this.columns.types[type]!,
          this.columns.keys.subarray(start, end),
          this.columns.nids.subarray(start, end),
        )
    }
    return found ? until + 1 : until
  }

  #typeIndex(typeNid: number): number {
    const at = lowerBound(this.columns.types, typeNid, 0, this.columns.types.length)
    return this.columns.types[at] === typeNid ? at : -1
  }
}

/** The first index in `[from, to)` whose value is at least `value`; `to` when there is none. */
function lowerBound(values: Int32Array, value: number, from: number, to: number): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
