/**
 * The keys and events of a state as typed arrays, sorted by type and state key: 12 bytes an entry. Entries of one type are
 * together, so that only their state keys are kept.
 *
 *     types   [ 1, 2,    5 ]           three types
 *     starts  [ 0, 1,    4, 5 ]        type 2 has the entries 1 to 3
 *     keys    [ 1, 1000, 1001, 1007, 1 ]
 *     nids    [ 1, 2,    17,   23,   4 ]
 */
export interface StateColumns {
  readonly types: Int32Array
  /** One more than `types`: where each type's entries begin, and where the last one's end. */
  readonly starts: Int32Array
  readonly keys: Int32Array
  readonly nids: Float64Array
}

/** Collects entries that come sorted by type and state key. */
export class StateColumnsBuilder {
  readonly #types: number[] = []
  readonly #starts: number[] = []
  readonly #keys: Int32Array
  readonly #nids: Float64Array
  #size = 0

  constructor(maxSize: number) {
    this.#keys = new Int32Array(maxSize)
    this.#nids = new Float64Array(maxSize)
  }

  add(typeNid: number, stateKeyNid: number, nid: number): void {
    this.#startType(typeNid)
    this.#keys[this.#size] = stateKeyNid
    this.#nids[this.#size] = nid
    this.#size++
  }

  /** Adds several entries of one type. */
  addRun(typeNid: number, keys: Int32Array, nids: Float64Array): void {
    this.#startType(typeNid)
    this.#keys.set(keys, this.#size)
    this.#nids.set(nids, this.#size)
    this.#size += keys.length
  }

  build(): StateColumns {
    const exact = this.#size === this.#keys.length
    return {
      types: Int32Array.from(this.#types),
      starts: Int32Array.from([...this.#starts, this.#size]),
      keys: exact ? this.#keys : this.#keys.slice(0, this.#size),
      nids: exact ? this.#nids : this.#nids.slice(0, this.#size),
    }
  }

  #startType(typeNid: number): void {
    if (this.#types.at(-1) === typeNid) return
    this.#types.push(typeNid)
    this.#starts.push(this.#size)
  }
}
