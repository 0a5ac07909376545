import type { ServerName } from '@hearth/protocol'
import { backoffDelay, LruCache, type Clock, type Metrics } from '@hearth/runtime'
import { InvalidAnswer } from '../server-unreachable.ts'
import type { WellKnownFetcher } from './well-known-fetcher.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const MAX_ENTRIES = 10_000
/** For how long a failure is remembered: longer with each that follows. */
const failureDelay = { baseMs: 2 * MINUTE_MS, maxMs: HOUR_MS }
/** For how long what was good is used while the host does not answer. */
const MAX_STALE_MS = 48 * HOUR_MS
/** What is younger is not doubted. */
const MIN_AGE_MS = 5 * MINUTE_MS

/** All times are those of the monotonic clock. */
interface Entry {
  readonly delegatedTo: ServerName | undefined
  readonly askedAt: number
  readonly until: number
  /** How many attempts have failed in a row. */
  readonly failures: number
  /** When the host named a server last. */
  readonly namedAt: number
}

/** What hosts' well-known files say, remembered for as long as they allow; that they say nothing is remembered as well. */
export class WellKnowns {
  readonly #fetcher: WellKnownFetcher
  readonly #clock: Clock
  readonly #entries: LruCache<string, Entry>
  readonly #underWay = new Map<string, Promise<Entry>>()

  constructor({ fetcher, clock, metrics }: { fetcher: WellKnownFetcher; clock: Clock; metrics: Metrics }) {
    this.#fetcher = fetcher
    this.#clock = clock
    this.#entries = new LruCache({ name: 'well_known', maxEntries: MAX_ENTRIES, metrics })
  }

  /** The server that a host names, or `undefined` if it names none. */
  async delegateOf(host: string): Promise<ServerName | undefined> {
    const known = this.#entries.get(host)
    if (known !== undefined && this.#clock.monotonic() < known.until) return known.delegatedTo
    const entry = await (this.#underWay.get(host) ?? this.#ask(host, known))
    return entry.delegatedTo
  }

  /** What is remembered of a host, if anything. */
  rememberedDelegateOf(host: string): ServerName | undefined {
    return this.#entries.get(host)?.delegatedTo
  }

  /** Asks a host again next time, unless it was asked a short time ago. */
  doubt(host: string): void {
    const known = this.#entries.get(host)
    const now = this.#clock.monotonic()
    if (known === undefined || known.failures > 0 || now - known.askedAt < MIN_AGE_MS) return
    this.#entries.set(host, { ...known, until: now })
  }

  /** Asks a host anew next time, whatever it said. */
  forget(host: string): void {
    this.#entries.delete(host)
  }

  #ask(host: string, known: Entry | undefined): Promise<Entry> {
    const asked = this.#fetch(host, known)
      .then((entry) => {
        this.#entries.set(host, entry)
        return entry
      })
      .finally(() => this.#underWay.delete(host))
    this.#underWay.set(host, asked)
    return asked
  }

  async #fetch(host: string, known: Entry | undefined): Promise<Entry> {
    try {
      const { delegatedTo, lifetimeMs } = await this.#fetcher.fetch(host)
      const now = this.#clock.monotonic()
      return { delegatedTo, askedAt: now, until: now + lifetimeMs, failures: 0, namedAt: now }
    } catch (error) {
      const now = this.#clock.monotonic()
      const failures = (known?.failures ?? 0) + 1
      const namedAt = known?.namedAt ?? -Infinity
      const isStillUsed = !(error instanceof InvalidAnswer) && now - namedAt < MAX_STALE_MS
      return {
        delegatedTo: isStillUsed ? known?.delegatedTo : undefined,
        askedAt: now,
        until: now + backoffDelay(failures - 1, failureDelay),
        failures,
        namedAt,
      }
    }
  }
}
