const TWO_32 = 2 ** 32
const EMPTY = 0

/**
 * Numbers events from 0 in the order in which they are added, and finds the number of a nid. An open-addressing table of
 * indexes: a tenth of the memory of a Map, and several times faster.
 */
export class NidIndex {
  #nids = new Float64Array(64)
  /** Index + 1 of the nid in each slot. */
  #slots = new Int32Array(128)
  #size = 0

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#nids.byteLength + this.#slots.byteLength
  }

  /** Adds a nid that is not there, and returns its index. */
  add(nid: number): number {
    if (this.#size === this.#nids.length) this.#grow()
    const index = this.#size++
    this.#nids[index] = nid
    this.#place(index)
    return index
  }

  /** The index of a nid, or -1. */
  find(nid: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash(nid) & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]! - 1
      if (index === EMPTY - 1 || this.#nids[index] === nid) return index
    }
  }

  /** The nid of an index. */
  nid(index: number): number {
    return this.#nids[index]!
  }

  #place(index: number): void {
    const mask = this.#slots.length - 1
    let slot = hash(this.#nids[index]!) & mask
    while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask
    this.#slots[slot] = index + 1
  }

  #grow(): void {
    const nids = new Float64Array(this.#nids.length * 2)
    nids.set(this.#nids)
    this.#nids = nids
    this.#slots = new Int32Array(nids.length * 2)
    for (let index = 0; index < this.#size; index++) this.#place(index)
  }
}

function hash(nid: number): number {
  // Neighbouring nids go to distant slots. The shift brings the well-mixed high bits down.
  const mixed = Math.imul((nid | 0) ^ Math.imul((nid / TWO_32) | 0, 0x85ebca6b), 0x9e3779b1)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
