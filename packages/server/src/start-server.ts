import { Lifecycle, Metrics, SystemClock, type Logger } from '@hearth/runtime'
import type * as rest from './compose.ts'
import type { Common, HearthServer, ServerOptions } from './compose.ts'
import { lockDataDirectory } from './compose/lock-data-directory.ts'
import { openStore } from './compose/open-store.ts'
import type { Config } from './generated/config.ts'

/**
 * Starts the server. All but the store is loaded while the database comes up, which on a first start takes another process
 * as long as that takes this one.
 */
export async function startServer(config: Config, logger: Logger, options: ServerOptions = {}): Promise<HearthServer> {
  const common: Common = { clock: options.clock ?? new SystemClock(), logger, metrics: new Metrics({ process: true }) }
  const lifecycle = new Lifecycle(common)
  try {
    await lockDataDirectory(config, lifecycle)
    let loading: Promise<typeof rest> | undefined
    const load = (): Promise<typeof rest> => (loading ??= import('./compose.ts'))
    const onWaiting = (): void => void load().catch(() => undefined)
    const opened = await openStore(config, { ...common, lifecycle, onWaiting })
    const { compose } = await load()
    return await compose(config, opened, common, lifecycle, options)
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}
