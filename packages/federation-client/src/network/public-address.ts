import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Special-purpose addresses. {@link https://www.iana.org/assignments/iana-ipv4-special-registry/} */
const reserved4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
])

const globalUnicast6 = blockList('ipv6', [['2000::', 3]])

/** What is reserved of it. {@link https://www.iana.org/assignments/iana-ipv6-special-registry/} */
const reserved6 = blockList('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4: the address of any IPv4 host, private ones included.
  ['2002::', 16],
  ['3fff::', 20],
])

/** The addresses that a translator between IPv6 and IPv4 takes, with the IPv4 address at their end (RFC 6052). */
const translated = blockList('ipv6', [['64:ff9b::', 96]])

/** Whether an IP address is one of the public internet: no loopback, private, link-local, multicast or reserved one. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !reserved4.check(address, 'ipv4')
  // A zone, as in fe80::1%eth0, is of the local network.
  if (!isIPv6(address) || address.includes('%')) return false
  if (translated.check(address, 'ipv6')) return isPublicAddress(translatedAddress(address))
  return globalUnicast6.check(address, 'ipv6') && !reserved6.check(address, 'ipv6')
}

/** The IPv4 address in the last 32 bits of an address of 64:ff9b::/96. */
function translatedAddress(address: string): string {
  // URL writes all forms of an address in the same way: 64:ff9b::a00:1.
  const [, end = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = end === '' ? [] : end.split(':').map((group) => parseInt(group, 16))
  const [low = 0, high = 0] = groups.reverse()
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

function blockList(family: 'ipv4' | 'ipv6', subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList()
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, family)
  return list
}
