import { generateSigningKey } from '@hearth/crypto'
import { createLogger, Metrics, SystemClock } from '@hearth/runtime'
import type { ServerName } from '@hearth/protocol'
import type { FakeNetwork, TestCa } from '@hearth/test-kit'
import { FederationClient, type FederationClientDeps } from '../src/index.ts'

export const ownName = 'own.test' as ServerName
export const ownKey = generateSigningKey('own')

/** A client with a network of its own, which trusts `ca`. */
export function newClient(
  ca: TestCa,
  network: FakeNetwork,
  deps: Partial<FederationClientDeps> = {},
): FederationClient {
  return new FederationClient({
    serverName: ownName,
    signingKey: () => ownKey,
    network,
    trustedAuthorities: [ca.certificate],
    allowPrivateAddresses: false,
    mayTalkTo: () => true,
    clock: new SystemClock(),
    logger: createLogger({ level: 'error' }),
    metrics: new Metrics(),
    ...deps,
  })
}
