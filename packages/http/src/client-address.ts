import { BlockList, isIP, isIPv6 } from 'node:net'

/** The peers whose `X-Forwarded-For` counts. */
export class TrustedProxies {
  readonly #list = new BlockList()

  /** Takes addresses, CIDR ranges, and the word `loopback`. Throws on anything else. */
  constructor(entries: readonly string[]) {
    for (const entry of entries) this.#add(entry)
  }

  /** Tells whether an address is one of theirs. */
  has(address: string): boolean {
    return this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }

  #add(entry: string): void {
    if (entry === 'loopback') {
      this.#list.addSubnet('127.0.0.0', 8, 'ipv4')
      this.#list.addAddress('::1', 'ipv6')
      return
    }
    const [address = '', prefix, ...rest] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    const bits = prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix)
    const valid = isIP(address) !== 0 && rest.length === 0 && (prefix === undefined || /^\d{1,3}$/.test(prefix))
    if (!valid || bits > (family === 'ipv6' ? 128 : 32)) throw new Error(`not an address or CIDR range: ${entry}`)
    this.#list.addSubnet(address, bits, family)
  }
}

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** An address in one spelling: IPv4 that came in over an IPv6 socket is written as IPv4. */
export function plainAddress(address: string): string {
  return MAPPED_IPV4.exec(address)?.[1] ?? address
}

/**
 * The address that a request came from. `X-Forwarded-For` is read from its right end, where the proxy nearest to us
 * wrote, for as long as the one who wrote is trusted: what a client puts into the header itself is never reached.
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: TrustedProxies): string {
  let address = plainAddress(peer)
  if (forwardedFor === undefined || !trusted.has(address)) return address
  const hops = forwardedFor.split(',')
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = plainAddress(hops[i]!.trim())
    if (isIP(hop) === 0) return address
    address = hop
    if (!trusted.has(address)) return address
  }
  return address
}

/** What limits per address count by: the address, or its /64 for IPv6, of which one household has all. */
export function addressGroup(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return network.join(':') + '::/64'
}
