import { isIP } from 'node:net'
import { AddressRefused } from './address-refused.ts'
import type { Network } from './network.ts'
import { isPublicAddress } from './public-address.ts'

export interface AddressRules {
  readonly network: Network
  /** Lets hosts on loopback and private addresses be reached. */
  readonly allowPrivateAddresses: boolean
  /** A further condition that an address must meet. */
  readonly mayReach?: (address: string) => boolean
}

/**
 * The addresses of a host that may be connected to. They are what must be connected to, without another look-up, which
 * could answer otherwise.
 * @throws AddressRefused when it has others only; an error when it has none
 */
export async function allowedAddresses(host: string, rules: AddressRules): Promise<readonly string[]> {
  const { network, allowPrivateAddresses, mayReach = () => true } = rules
  const addresses = isIP(host) === 0 ? await network.addressesOf(host) : [host]
  if (addresses.length === 0) throw new Error('the host has no address')
  if (allowPrivateAddresses) return addresses
  const allowed = addresses.filter((address) => isPublicAddress(address) && mayReach(address))
  if (allowed.length === 0) throw new AddressRefused('the host has no public address')
  return allowed
}
