import { LruCache, type Metrics } from '@hearth/runtime'
import type { Database } from '../connection/database.ts'

export interface DictionaryDeps {
  /** Never a transaction: a number that was given out stays valid whatever becomes of the caller's work. */
  readonly db: Database
  readonly metrics?: Metrics | undefined
  /** How many entries to remember. */
  readonly maxEntries?: number | undefined
}

export interface DictionarySpec {
  /** The table, which names the statements and metrics too. */
  readonly table: string
  readonly column: string
}

interface Entry {
  nid: number
  key: string
}

/** A table that gives each text a number, once. Rows never change, so what was read is never invalidated. */
export class Dictionary<Key extends string> {
  protected readonly db: Database
  readonly #spec: DictionarySpec
  readonly #nids: LruCache<Key, number>
  readonly #keys: LruCache<number, Key>

  constructor(spec: DictionarySpec, deps: DictionaryDeps) {
    this.db = deps.db
    this.#spec = spec
    const options = { maxEntries: deps.maxEntries ?? 100_000, ...(deps.metrics && { metrics: deps.metrics }) }
    this.#nids = new LruCache({ ...options, name: `${spec.table}_by_name` })
    this.#keys = new LruCache({ ...options, name: `${spec.table}_by_nid` })
  }

  /** The number of a text, if it is in memory. */
  peek(key: Key): number | undefined {
    return this.#nids.get(key)
  }

  /** The text of a number, if it is in memory. */
  peekKey(nid: number): Key | undefined {
    return this.#keys.get(nid)
  }

  /** The numbers of those texts that have one. */
  async findAll(keys: readonly Key[]): Promise<Map<Key, number>> {
    const found = new Map<Key, number>()
    const missing = new Set<Key>()
    for (const key of keys) {
      const nid = this.#nids.get(key)
      if (nid === undefined) missing.add(key)
      else found.set(key, nid)
    }
    if (missing.size === 0) return found
    const { table, column } = this.#spec
    const rows = await this.db.read<Entry>(
      `${table}.find`,
      `select nid, ${column} as key from ${table} where ${column} = any($1)`,
      [[...missing]],
    )
    for (const row of rows) found.set(this.#remember(row), row.nid)
    return found
  }

  /** The number of a text, if it has one. */
  async find(key: Key): Promise<number | undefined> {
    return this.#nids.get(key) ?? (await this.findAll([key])).get(key)
  }

  /** The numbers of texts; those without one get it. */
  async internAll(keys: readonly Key[]): Promise<Map<Key, number>> {
    // Looking first keeps the sequence from being used up by conflicts.
    const known = await this.findAll(keys)
    const missing = [...new Set(keys)].filter((key) => !known.has(key))
    if (missing.length === 0) return known
    // In one order everywhere: two processes that add the same texts then wait for each other at most once.
    for (const row of await this.insert(missing.sort())) known.set(this.#remember(row), row.nid)
    // What another process added meanwhile is seen by a new statement only.
    const lost = missing.filter((key) => !known.has(key))
    if (lost.length > 0) for (const [key, nid] of await this.findAll(lost)) known.set(key, nid)
    return known
  }

  /** The number of a text, which gets one if it has none. */
  async intern(key: Key): Promise<number> {
    const nid = this.#nids.get(key) ?? (await this.internAll([key])).get(key)
    if (nid === undefined) throw new Error(`a row of ${this.#spec.table} vanished while it was being made`)
    return nid
  }

  /** The texts of numbers. Numbers that were never given out are left out. */
  async keysOf(nids: readonly number[]): Promise<Map<number, Key>> {
    const found = new Map<number, Key>()
    const missing = new Set<number>()
    for (const nid of nids) {
      const key = this.#keys.get(nid)
      if (key === undefined) missing.add(nid)
      else found.set(nid, key)
    }
    if (missing.size === 0) return found
    const { table, column } = this.#spec
    const rows = await this.db.read<Entry>(
      `${table}.keysOf`,
      `select nid, ${column} as key from ${table} where nid = any($1)`,
      [[...missing]],
    )
    for (const row of rows) found.set(row.nid, this.#remember(row))
    return found
  }

  /** The text of a number. Throws when it was never given out. */
  async keyOf(nid: number): Promise<Key> {
    const key = this.#keys.get(nid) ?? (await this.keysOf([nid])).get(nid)
    if (key === undefined) throw new Error(`no row ${nid} in ${this.#spec.table}`)
    return key
  }

  /** Adds texts, in their order; resolves to those that no other process added first. */
  protected async insert(keys: readonly Key[]): Promise<Entry[]> {
    const { table, column } = this.#spec
    return this.db.query<Entry>(
      `${table}.insert`,
      `insert into ${table} (${column}) select unnest($1::text[]) on conflict do nothing returning nid, ${column} as key`,
      [keys],
    )
  }

  #remember(row: Entry): Key {
    const key = row.key as Key
    this.#nids.set(key, row.nid)
    this.#keys.set(row.nid, key)
    return key
  }
}
