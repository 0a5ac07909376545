import { createLogger, type Logger } from '@hearth/runtime'
import type { LoadedConfig } from '../config/load-config.ts'
import type { Command, RunningServer } from './command.ts'
import { configHelp, configOption, loadCommandConfig } from './configured.ts'

const STOP_LIMIT_MS = 10_000

/** `hearth start`: the server, until SIGTERM or SIGINT. */
export const start: Command = {
  name: 'start',
  summary: 'run the server',
  usage: '[--config FILE]',
  details: `${configHelp}

SIGTERM or SIGINT stop the server within 10 seconds, SIGHUP has it read its certificate files again.`,
  options: configOption,
  positionals: [],
  async run(args, context) {
    const loaded = loadCommandConfig(args, context)
    const logger = createLogger({ level: loaded.config.logLevel })
    warnOfReserved(loaded, logger)
    using listeners = new DisposableStack()
    const listen = (event: string, listener: (argument: unknown) => void) => {
      process.on(event, listener)
      listeners.defer(() => process.off(event, listener))
    }
    listen('uncaughtExceptionMonitor', (error) => {
      logger.error('an error that nobody caught ends the process', { error })
      logger.flush()
    })
    // Before anything is started: a signal that comes meanwhile must not leave a database behind.
    using signals = new StopSignals(logger)
    const server = await context.actions.startServer(loaded.config, logger)
    listen('SIGHUP', () => void reloadServer(server, logger))
    await signals.first
    const status = await stopWithin(STOP_LIMIT_MS, server, logger)
    logger.flush()
    return status
  },
}

function warnOfReserved({ assignments }: LoadedConfig, logger: Logger): void {
  for (const { setting, origin } of assignments) {
    if (setting.schema['x-reserved']) {
      logger.warn('a setting has no effect in this version', { setting: setting.key, origin })
    }
  }
}

/** Listens for SIGTERM and SIGINT. The second one ends the process where it stands. */
class StopSignals implements Disposable {
  /** Resolves at the first signal. */
  readonly first: Promise<void>
  readonly #onSignal: (signal: NodeJS.Signals) => void

  constructor(logger: Logger) {
    const { promise, resolve } = Promise.withResolvers<void>()
    let asked = false
    this.first = promise
    this.#onSignal = (signal) => {
      if (asked) {
        this[Symbol.dispose]()
        process.kill(process.pid, signal)
        return
      }
      asked = true
      logger.info('stopping', { signal })
      resolve()
    }
    process.on('SIGTERM', this.#onSignal).on('SIGINT', this.#onSignal)
  }

  [Symbol.dispose](): void {
    process.off('SIGTERM', this.#onSignal).off('SIGINT', this.#onSignal)
  }
}

async function reloadServer(server: RunningServer, logger: Logger): Promise<void> {
  try {
    await server.reload()
    logger.info('certificate files read again')
  } catch (error) {
    logger.error('certificate files could not be read, the old ones stay in use', { error })
  }
}

async function stopWithin(limitMs: number, server: RunningServer, logger: Logger): Promise<number> {
  const deadline = new Promise<number>((resolve) => {
    setTimeout(() => {
      logger.error('stopping took too long, the rest is left undone', { limit_ms: limitMs })
      resolve(1)
    }, limitMs).unref()
  })
  return Promise.race([server.stop().then(() => 0), deadline])
}
