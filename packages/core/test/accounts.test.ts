import type { ServerName } from '@hearth/protocol'
import { LocalBus, LocalJobQueue } from '@hearth/queues'
import { createLogger, FakeClock } from '@hearth/runtime'
import { Store } from '@hearth/store'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccountServices, Jobs, type AccountServices } from '../src/index.ts'

const ip = '192.0.2.1'
const clock = new FakeClock()
let database: TestDatabase
let store: Store
let services: AccountServices

beforeAll(async () => {
  database = await createTestDatabase()
  const logger = createLogger({ level: 'error' })
  store = await Store.open({ url: database.url, logger })
  const unlimited = { take: async () => undefined, giveBack: async () => undefined }
  services = createAccountServices({
    store,
    clock,
    logger,
    serverName: 'hearth.test' as ServerName,
    registration: { mode: 'open' },
    // Nobody runs them.
    jobs: new Jobs({ store, clock, logger, process: { id: '', onFreed: () => undefined }, queue: new LocalJobQueue() }),
    bus: new LocalBus({ clock, logger }),
    loginLimits: { perAccount: unlimited, perAddress: unlimited },
    // The only process: nothing but its own changes is to be noticed, and at once.
    pollMs: 0,
  })
  await services.sessions.start()
  services.deviceActivity.start()
})

afterAll(async () => {
  services.sessions.stop()
  await services.deviceActivity.stop()
  await store.close()
  await database.drop()
})

async function logIn(user: string): Promise<string> {
  const { session } = await services.login.withPassword({ user, password: 'pw', ip }, {})
  return session.accessToken
}

describe('accounts.create', () => {
  it('creates ordinary accounts and administrators', async () => {
    expect(await services.accounts.create('Alice', 'pw')).toBe('@alice:hearth.test')
    await services.accounts.create('root', 'pw', { admin: true })
    expect(await services.sessions.authenticate(await logIn('alice'), ip)).toMatchObject({ isAdmin: false })
    expect(await services.sessions.authenticate(await logIn('root'), ip)).toMatchObject({ isAdmin: true })
  })

  it('refuses what registration refuses', async () => {
    await services.accounts.create('taken', 'pw')
    await expect(services.accounts.create('taken', 'pw')).rejects.toMatchObject({ errcode: 'M_USER_IN_USE' })
    await expect(services.accounts.create('no good', 'pw')).rejects.toMatchObject({ errcode: 'M_INVALID_USERNAME' })
    await expect(services.accounts.create('weak', '')).rejects.toMatchObject({ errcode: 'M_WEAK_PASSWORD' })
  })
})

describe('sessions in memory', () => {
  it('follow what this process changes, at once', async () => {
    await services.accounts.create('bob', 'pw')
    const token = await logIn('bob')
    const { userNid } = await services.sessions.authenticate(token, ip)
    await services.accounts.setAdmin(userNid, true)
    expect(await services.sessions.authenticate(token, ip)).toMatchObject({ isAdmin: true })
    await services.accounts.delete(userNid)
    await expect(services.sessions.authenticate(token, ip)).rejects.toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
  })

  it('that were being read while they ended are not kept', async () => {
    await services.accounts.create('carol', 'pw')
    for (let i = 0; i < 20; i++) {
      const token = await logIn('carol')
      const other = await services.sessions.authenticate(await logIn('carol'), ip)
      const reading = services.sessions.authenticate(token, ip).catch(() => undefined)
      await services.sessions.closeAll(other)
      await reading
      await expect(services.sessions.authenticate(token, ip)).rejects.toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    }
  })
})

describe('when a device was last seen', () => {
  it('is written down once an hour, in one statement for all', async () => {
    await services.accounts.create('dora', 'pw')
    const tokens = [await logIn('dora'), await logIn('dora')]
    const seen = async (): Promise<number[]> => {
      const rows = await store.database.query<{ ts: number }>(
        null,
        `select last_seen_ts as ts from devices join accounts using (user_nid) where localpart = 'dora'`,
      )
      return rows.map(({ ts }) => ts)
    }
    const use = (): Promise<unknown> => Promise.all(tokens.map((token) => services.sessions.authenticate(token, ip)))
    const start = clock.now()
    await use()
    await clock.advance(59 * 60_000)
    await use()
    await services.deviceActivity.flush()
    expect(await seen()).toEqual([start, start])

    await clock.advance(60_000)
    const later = clock.now()
    await use()
    const before = store.database.statistics().statements
    await services.deviceActivity.flush()
    await services.deviceActivity.flush()
    expect(store.database.statistics().statements - before).toBe(1)
    expect(await seen()).toEqual([later, later])
  })
})
