import { registrationLink } from '@hearth/client-api'
import { createAccountServices, Jobs, OwnKeys, type AccountServices } from '@hearth/core'
import { LocalBus, LocalJobQueue } from '@hearth/queues'
import { Lifecycle, SystemClock, type Clock, type Logger } from '@hearth/runtime'
import { migrate } from '@hearth/store'
import type { KeyRotation, NewAccount, NewToken, TokenAndLink } from '../cli/command.ts'
import type { Config } from '../generated/config.ts'
import { databaseUrl, openStore } from './open-store.ts'
import { loadSigningKey, replaceSigningKey } from './signing-key-file.ts'

/** Brings the database to this release's schema. Gives the names of the migrations that were run. */
export function migrateDatabase(config: Config, logger: Logger): Promise<readonly string[]> {
  return briefly(logger, async (clock, lifecycle) => migrate(await databaseUrl(config, { clock, logger, lifecycle })))
}

/** Creates an account and gives its user id. */
export function createAccount(config: Config, logger: Logger, account: NewAccount): Promise<string> {
  return withAccountServices(config, logger, ({ accounts }) =>
    accounts.create(account.localpart, account.password, { admin: account.admin }),
  )
}

/** Creates a registration token. */
export function createToken(config: Config, logger: Logger, { uses, validForMs }: NewToken): Promise<TokenAndLink> {
  return withAccountServices(config, logger, async ({ registrationTokens }, clock) => {
    const token = await registrationTokens.create({
      ...(uses !== undefined && { usesAllowed: uses }),
      ...(validForMs !== undefined && { expiresTs: clock.now() + validForMs }),
    })
    return { token, link: registrationLink(config.publicUrl, token) }
  })
}

/** Makes a new signing key. The old one is noted first: what it has signed is to be believed for good. */
export function rotateKey(config: Config, logger: Logger): Promise<KeyRotation> {
  return briefly(logger, async (clock, lifecycle) => {
    const { store } = await openStore(config, { clock, logger, lifecycle })
    const retired = await loadSigningKey(config.dataDir)
    await OwnKeys.open({ store, serverName: config.serverName, current: retired, clock })
    const current = await replaceSigningKey(config.dataDir)
    return { retired: retired.keyId, current: current.keyId }
  })
}

function withAccountServices<T>(
  config: Config,
  logger: Logger,
  work: (services: AccountServices, clock: Clock) => Promise<T>,
): Promise<T> {
  return briefly(logger, async (clock, lifecycle) => {
    const { store } = await openStore(config, { clock, logger, lifecycle })
    // Nobody logs in through a command.
    const unlimited = { take: async () => undefined, giveBack: async () => undefined }
    const services = createAccountServices({
      store,
      clock,
      logger,
      serverName: config.serverName,
      registration: config.registration,
      // What is asked for is done by the server.
      jobs: new Jobs({ store, clock, logger, process: noProcess, queue: new LocalJobQueue() }),
      loginLimits: { perAccount: unlimited, perAddress: unlimited },
      bus: new LocalBus({ clock, logger }),
      pollMs: 0,
    })
    return work(services, clock)
  })
}

/** A command runs no jobs. */
const noProcess = { id: '', onFreed: () => undefined }

/** Runs `work` with a lifecycle that ends with it. */
async function briefly<T>(logger: Logger, work: (clock: Clock, lifecycle: Lifecycle) => Promise<T>): Promise<T> {
  const clock = new SystemClock()
  const lifecycle = new Lifecycle({ clock, logger })
  try {
    return await work(clock, lifecycle)
  } finally {
    await lifecycle.stop()
  }
}
