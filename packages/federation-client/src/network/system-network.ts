import { lookup, Resolver } from 'node:dns/promises'
import { connect, isIPv6, type Socket } from 'node:net'
import { Semaphore } from '@hearth/runtime'
import type { Network, SrvRecord } from './network.ts'

const QUERY_TIMEOUT_MS = 3_000
const QUERY_TRIES = 2
const MAX_ADDRESSES = 8
const MAX_SRV_RECORDS = 20

const noSuchName: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA'])

/** The machine's network and DNS. */
export class SystemNetwork implements Network {
  readonly #resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES })
  // The system's own look-up holds a thread, of the few that signatures are checked on as well.
  readonly #systemLookups = new Semaphore({ name: 'the look-up of a host', permits: 1, maxWaiting: 100 })

  /** Asks DNS, and for what is not in DNS the system, which knows the hosts file and local names. */
  async addressesOf(host: string): Promise<readonly string[]> {
    const answers = await Promise.allSettled([this.#resolver.resolve6(host), this.#resolver.resolve4(host)])
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    if (found.length > 0) return found.slice(0, MAX_ADDRESSES)
    const known = await this.#systemLookups.run(() => lookup(host, { all: true }))
    return known.slice(0, MAX_ADDRESSES).map(({ address }) => address)
  }

  async srvRecords(name: string): Promise<readonly SrvRecord[]> {
    try {
      const records = await this.#resolver.resolveSrv(name)
      return records.slice(0, MAX_SRV_RECORDS)
    } catch (error) {
      if (noSuchName.has((error as NodeJS.ErrnoException).code)) return []
      throw error
    }
  }

  connect(addresses: readonly string[], port: number): Socket {
    const answers = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
    return connect({
      // Never looked up: the look-up below gives the addresses that were checked.
      host: 'checked.invalid',
      port,
      noDelay: true,
      autoSelectFamily: true,
      lookup: (_host, options, done) => {
        if (options.all === true) done(null, answers)
        else done(null, answers[0]!.address, answers[0]!.family)
      },
    })
  }
}
