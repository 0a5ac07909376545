import type { Clock, Lifecycle, Logger, Metrics } from '@hearth/runtime'
import { EmbeddedPostgres, Store } from '@hearth/store'
import type { Config } from '../generated/config.ts'

export interface OpenedStore {
  readonly store: Store
  readonly kind: 'embedded' | 'external'
}

export interface OpenStoreDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly lifecycle: Lifecycle
  readonly metrics?: Metrics
  /** Called, perhaps more than once, when there is nothing to do but to wait for PostgreSQL. */
  readonly onWaiting?: () => void
}

/**
 * Opens the database that the configuration names, or the embedded one, which is started first. The lifecycle closes what
 * was opened.
 */
export async function openStore(config: Config, deps: OpenStoreDeps): Promise<OpenedStore> {
  const { lifecycle, onWaiting: _onWaiting, ...storeDeps } = deps
  const url = await databaseUrl(config, deps)
  const store = await Store.open({ url, ...storeDeps })
  lifecycle.adopt({ name: 'store', stop: () => store.close() })
  await store.deployment.claim(config.serverName, deps.clock.now())
  return { store, kind: config.databaseUrl === undefined ? 'embedded' : 'external' }
}

/** The URL of the database that the configuration names, or of the embedded one, which is started for the lifecycle. */
export async function databaseUrl(
  config: Config,
  { clock, logger, lifecycle, onWaiting }: OpenStoreDeps,
): Promise<string> {
  if (config.databaseUrl !== undefined) {
    onWaiting?.()
    return config.databaseUrl
  }
  const embedded = await EmbeddedPostgres.start({ dataDirectory: config.dataDir, clock, logger, onWaiting })
  // It is stopped last: all the time that is left is its own.
  lifecycle.adopt({ name: 'embedded PostgreSQL', stop: (leftMs) => embedded.stop(leftMs), stopTimeoutMs: Infinity })
  return embedded.url
}
