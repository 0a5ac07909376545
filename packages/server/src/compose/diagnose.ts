import { generateSigningKey, parseSigningKey } from '@hearth/crypto'
import { SystemNetwork, type Network } from '@hearth/federation-client'
import { Lifecycle, Metrics, SystemClock, type Clock, type Logger } from '@hearth/runtime'
import { readFile } from 'node:fs/promises'
import type { CheckName } from '../doctor/checks.ts'
import { examine, type NamedFinding } from '../doctor/examine.ts'
import { PublicRequests } from '../doctor/public-requests.ts'
import type { Config } from '../generated/config.ts'
import { buildFederationClient } from './build-federation-client.ts'
import { signingKeyPath } from './signing-key-file.ts'

export interface DiagnoseOptions {
  /** The machine's when absent. */
  readonly network?: Network
  readonly clock?: Clock
  /** These checks; every one when absent. */
  readonly only?: readonly CheckName[]
}

/**
 * Looks for what is wrong with a deployment, from outside in, while it serves or not. Nothing is changed, and no lock is
 * taken.
 */
export async function diagnose(
  config: Config,
  logger: Logger,
  { network = new SystemNetwork(), clock = new SystemClock(), only }: DiagnoseOptions = {},
): Promise<readonly NamedFinding[]> {
  const lifecycle = new Lifecycle({ clock, logger })
  const text = await readFile(signingKeyPath(config.dataDir), 'utf8').catch(() => undefined)
  // Without the server's key nothing that is signed is asked.
  const signingKey = text === undefined ? generateSigningKey('doctor') : parseSigningKey(text)
  const federationClient = buildFederationClient(config, {
    network,
    signingKey: () => signingKey,
    mayTalkTo: () => true,
    asksItself: true,
    lifecycle,
    clock,
    logger,
    metrics: new Metrics(),
  })
  try {
    const requests = new PublicRequests({ network, config })
    return await examine({ config, network, requests, federationClient, now: () => clock.now() }, { only })
  } finally {
    federationClient.close()
    await lifecycle.stop()
  }
}
