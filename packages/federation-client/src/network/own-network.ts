import { BlockList, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'

/** How much of an IPv6 address is that of its network. {@link https://www.rfc-editor.org/rfc/rfc4291#section-2.5.4} */
const NETWORK_PREFIX = 64

/**
 * Whether an IPv6 address is in a network that this machine is in. There, machines that only mean to talk to each other
 * have public addresses too, and no router stands between them and this one.
 */
export function isInOwnNetwork(address: string, ownAddresses: readonly string[] = addressesOfMachine()): boolean {
  if (!isIPv6(address)) return false
  const own = new BlockList()
  for (const one of ownAddresses) if (isIPv6(one)) own.addSubnet(one, NETWORK_PREFIX, 'ipv6')
  return own.check(address, 'ipv6')
}

function addressesOfMachine(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((of) => (of ?? []).map(({ address }) => address))
}
