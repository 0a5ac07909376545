import { LruCache, type Clock, type Metrics } from '@hearth/runtime'
import type { Network, SrvRecord } from '../network/network.ts'

const MINUTE_MS = 60_000
const MAX_ENTRIES = 10_000
const LIFETIME_MS = 5 * MINUTE_MS
/** Of an answer that is none, as DNS servers give that do not know SRV records. */
const FAILURE_LIFETIME_MS = MINUTE_MS

/** The second is deprecated. */
const services = ['_matrix-fed._tcp', '_matrix._tcp'] as const

interface Entry {
  readonly records: readonly SrvRecord[]
  readonly until: number
}

/** Finds the SRV records of hosts, and remembers them for some minutes. */
export class SrvLookup {
  readonly #network: Network
  readonly #clock: Clock
  readonly #entries: LruCache<string, Entry>

  constructor({ network, clock, metrics }: { network: Network; clock: Clock; metrics: Metrics }) {
    this.#network = network
    this.#clock = clock
    this.#entries = new LruCache({ name: 'srv_records', maxEntries: MAX_ENTRIES, metrics })
  }

  /** The records of a host's federation service, in the order to try them; empty if there are none. */
  async recordsOf(host: string): Promise<readonly SrvRecord[]> {
    const known = this.#entries.get(host)
    if (known !== undefined && this.#clock.monotonic() < known.until) return inOrder(known.records)
    let lifetimeMs = LIFETIME_MS
    for (const service of services) {
      try {
        const records = await this.#network.srvRecords(`${service}.${host}`)
        if (records.length > 0) return this.#remember(host, records, lifetimeMs)
      } catch {
        // As if there were none: such a host is found by its own name more often than not at all.
        lifetimeMs = FAILURE_LIFETIME_MS
      }
    }
    return this.#remember(host, [], lifetimeMs)
  }

  /** Asks for the records of a host again next time. */
  forget(host: string): void {
    this.#entries.delete(host)
  }

  #remember(host: string, records: readonly SrvRecord[], lifetimeMs: number): readonly SrvRecord[] {
    this.#entries.set(host, { records, until: this.#clock.monotonic() + lifetimeMs })
    return inOrder(records)
  }
}

/** By priority, and by chance among the same priority: the more weight, the earlier (RFC 2782). */
function inOrder(records: readonly SrvRecord[]): readonly SrvRecord[] {
  return (
    records
      // A draw whose order has the chances that drawing by weight, one after the other, would give.
      .map((record) => ({ record, draw: Math.log(1 - Math.random()) / Math.max(record.weight, 0.01) }))
      .sort((a, b) => a.record.priority - b.record.priority || b.draw - a.draw)
      .map(({ record }) => record)
  )
}
