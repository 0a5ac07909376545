import { connect, Socket } from 'node:net'
import type { Network, SrvRecord } from '@hearth/federation-client'

/** An attempt to connect. */
export interface Attempt {
  readonly address: string
  readonly port: number
}

/**
 * A network of a test's own: names, SRV records, and what is reached at addresses and ports. Everything in it is on this
 * machine, under addresses that look like those of the internet.
 */
export class FakeNetwork implements Network {
  /** Every connection that was asked for, one entry for each address tried. */
  readonly attempts: Attempt[] = []
  /** Every name whose addresses were asked for. */
  readonly lookups: string[] = []
  readonly #hosts = new Map<string, readonly string[] | (() => readonly string[])>()
  readonly #srv = new Map<string, readonly SrvRecord[] | Error>()
  readonly #listeners = new Map<string, number>()
  #nextAddress = 1

  /**
   * Gives a name its addresses; a function is asked each time. Without any, the name keeps those it has, or gets a public
   * address of its own. Gives the first, unless a function says them.
   */
  addHost(name: string, addresses?: readonly string[] | (() => readonly string[])): string {
    const known = addresses ?? this.#hosts.get(name) ?? [this.#newAddress()]
    this.#hosts.set(name, known)
    return typeof known === 'function' ? '' : (known[0] ?? '')
  }

  /** Gives a name SRV records, or an error that asking for them ends with. */
  addSrv(name: string, records: readonly SrvRecord[] | Error): void {
    this.#srv.set(name, records)
  }

  /** What connects to this address and port comes to a port of this machine. */
  listen(address: string, port: number, localPort: number): void {
    this.#listeners.set(`${address} ${port}`, localPort)
  }

  /** Nothing is reached at this address and port any longer. */
  unlisten(address: string, port: number): void {
    this.#listeners.delete(`${address} ${port}`)
  }

  async addressesOf(host: string): Promise<readonly string[]> {
    this.lookups.push(host)
    const addresses = this.#hosts.get(host)
    if (addresses === undefined) throw Object.assign(new Error(`no such host: ${host}`), { code: 'ENOTFOUND' })
    return typeof addresses === 'function' ? addresses() : addresses
  }

  async srvRecords(name: string): Promise<readonly SrvRecord[]> {
    this.lookups.push(name)
    const records = this.#srv.get(name) ?? []
    if (records instanceof Error) throw records
    return records
  }

  connect(addresses: readonly string[], port: number): Socket {
    for (const address of addresses) {
      this.attempts.push({ address, port })
      const localPort = this.#listeners.get(`${address} ${port}`)
      if (localPort !== undefined) return connect({ port: localPort, host: '127.0.0.1', noDelay: true })
    }
    const refused = Object.assign(new Error(`nothing listens on port ${port}`), { code: 'ECONNREFUSED' })
    return new Socket().destroy(refused)
  }

  #newAddress(): string {
    const number = this.#nextAddress++
    return `9.0.${number >> 8}.${number & 255}`
  }
}
