import { isIP } from 'node:net'
import { isPublicAddress } from '@hearth/federation-client'
import { error, ok, reasonOf, skipped, warning, type DoctorContext, type Finding } from '../finding.ts'
import { namesOf } from '../names.ts'

/** The server name and the host of `public_url` have addresses that the world can reach. */
export async function checkDns(context: DoctorContext): Promise<readonly Finding[]> {
  const { serverHost, publicHost, isLocal } = namesOf(context.config)
  if (isLocal) return [skipped('server_name is a name of this machine, which nobody elsewhere can reach')]
  const hosts = [...new Set([serverHost, publicHost])].filter((host) => isIP(host) === 0)
  return (await Promise.all(hosts.map((host) => checkHost(host, context)))).flat()
}

async function checkHost(host: string, { network, config }: DoctorContext): Promise<Finding[]> {
  let addresses: readonly string[]
  try {
    addresses = await network.addressesOf(host)
  } catch (failure) {
    return [
      error(`${host} has no address: ${reasonOf(failure)}`, `in DNS: ${host}. 3600 IN A <the address of this server>`),
    ]
  }
  const unreachable = addresses.filter((address) => !isPublicAddress(address))
  if (unreachable.length > 0 && !config.network.allowPrivateAddresses) {
    const fix = `in DNS: give ${host} the public address; in a closed network set network.allow_private_addresses: true on every server`
    return [error(`${host} leads to ${unreachable.join(', ')}, which other servers refuse to connect to`, fix)]
  }
  if (!addresses.some((address) => isIP(address) === 6)) {
    return [warning(`${host} has no IPv6 address`, `in DNS: ${host}. 3600 IN AAAA <the IPv6 address of this server>`)]
  }
  return [ok(`${host} is ${addresses.join(', ')}`)]
}
