import { readFileSync } from 'node:fs'
import { WebClient, type Network } from '@hearth/federation-client'
import type { Clock } from '@hearth/runtime'
import type { Config } from '../generated/config.ts'

/** Builds what fetches from addresses that strangers name: web pages, pictures, identity servers. */
export function buildWebClient(
  { network: { caFile, allowPrivateAddresses } }: Config,
  { network, clock }: { readonly network: Network; readonly clock: Clock },
): WebClient {
  const trusted = caFile !== undefined && { trustedAuthorities: [readFileSync(caFile, 'utf8')] }
  return new WebClient({ network, clock, allowPrivateAddresses, ...trusted })
}
