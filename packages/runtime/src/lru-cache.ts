import { publishCache, type CacheFigures } from './cache-metrics.ts'
import type { Metrics } from './metrics.ts'

export interface LruCacheOptions<Key, Value> {
  /** The `cache` label of its metrics. */
  readonly name: string
  /** How many entries it may hold. */
  readonly maxEntries?: number
  /** How many bytes its entries may take, by `sizeOf`. */
  readonly maxBytes?: number
  /** About how many bytes an entry takes; each counts 1 when absent. */
  readonly sizeOf?: (value: Value, key: Key) => number
  readonly metrics?: Metrics
}

interface Entry<Value> {
  readonly value: Value
  readonly bytes: number
  /** When it last came to the end of the line. */
  movedAt: number
}

/** What lies within this part of the end of the line need not be moved there: moving costs more than finding. */
const RECENT_PART = 8

/** A cache that is bounded by entries, by bytes or by both, and drops what was not used for longest. */
export class LruCache<Key, Value> {
  // A Map iterates in the order of insertion; a key that is used is inserted anew, unless it was not long ago.
  readonly #entries = new Map<Key, Entry<Value>>()
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #sizeOf: (value: Value, key: Key) => number
  #bytes = 0
  /** How many entries have come to the end of the line so far. */
  #moves = 0
  #hits = 0
  #misses = 0

  constructor(options: LruCacheOptions<Key, Value>) {
    if (options.maxEntries === undefined && options.maxBytes === undefined) throw new Error('a cache needs a bound')
    this.#maxEntries = options.maxEntries ?? Infinity
    this.#maxBytes = options.maxBytes ?? Infinity
    this.#sizeOf = options.sizeOf ?? (() => 1)
    if (options.metrics !== undefined) publishCache(options.metrics, options.name, () => this.#figures())
  }

  /** How many entries it holds. */
  get size(): number {
    return this.#entries.size
  }

  /** How many bytes its entries take. */
  get bytes(): number {
    return this.#bytes
  }

  /** The value of a key, which thereby counts as used. */
  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) {
      this.#misses++
      return undefined
    }
    this.#hits++
    if ((this.#moves - entry.movedAt) * RECENT_PART >= this.#entries.size) {
      this.#entries.delete(key)
      entry.movedAt = ++this.#moves
      this.#entries.set(key, entry)
    }
    return entry.value
  }

  /** Whether there is a value, without using it. */
  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  /** Stores a value. One that is larger than the whole cache is not kept. */
  set(key: Key, value: Value): void {
    this.delete(key)
    const bytes = this.#sizeOf(value, key)
    if (bytes > this.#maxBytes) return
    this.#entries.set(key, { value, bytes, movedAt: ++this.#moves })
    this.#bytes += bytes
    this.#trim()
  }

  /** Forgets a key; tells whether it was there. */
  delete(key: Key): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#bytes -= entry.bytes
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }

  #trim(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) return
      this.delete(key)
    }
  }

  #figures(): CacheFigures {
    const figures = { entries: this.#entries.size, bytes: this.#bytes, hits: this.#hits, misses: this.#misses }
    this.#hits = 0
    this.#misses = 0
    return figures
  }
}
