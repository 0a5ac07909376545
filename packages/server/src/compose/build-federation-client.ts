import { readFileSync } from 'node:fs'
import type { SigningKey } from '@hearth/crypto'
import { FederationClient, type DestinationHealth, type Network } from '@hearth/federation-client'
import type { ServerName } from '@hearth/protocol'
import type { Clock, Lifecycle, Logger, Metrics } from '@hearth/runtime'
import type { Config } from '../generated/config.ts'

export interface FederationClientParts {
  readonly network: Network
  /** The key with which requests are signed now. */
  readonly signingKey: () => SigningKey
  readonly asksItself?: boolean
  readonly mayTalkTo: (destination: ServerName) => boolean
  readonly health?: DestinationHealth
  readonly lifecycle: Lifecycle
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Builds what asks other servers. */
export function buildFederationClient(
  { serverName, network: { caFile, allowPrivateAddresses } }: Config,
  { lifecycle, ...parts }: FederationClientParts,
): FederationClient {
  const client = new FederationClient({
    ...parts,
    serverName,
    allowPrivateAddresses,
    ...(caFile !== undefined && { trustedAuthorities: [readFileSync(caFile, 'utf8')] }),
  })
  lifecycle.add({ name: 'federation client', stop: () => client.close() })
  return client
}
