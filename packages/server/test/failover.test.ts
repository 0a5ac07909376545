import { Store } from '@hearth/store'
import { createLogger } from '@hearth/runtime'
import { Balancer, createTestDatabase, RedisServer, ServerProcess, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { underLoad } from './under-load.ts'

const stack = new AsyncDisposableStack()
let processes: ServerProcess[]
let balancer: Balancer
let store: Store
let alice: TestClient
let bob: TestClient
let roomId: string

beforeAll(async () => {
  const database = stack.use(await createTestDatabase())
  const redis = stack.use(await RedisServer.start())
  const settings = { HEARTH_REDIS_URL: redis.url }
  const one = stack.use(await ServerProcess.start({ database, settings }))
  const two = stack.use(await ServerProcess.start({ database, settings, beside: one }))
  processes = [one, two]
  balancer = stack.use(await Balancer.start(() => processes.map(({ url }) => url).filter((url) => url !== '')))
  store = await Store.open({ url: database.url, migrate: false, logger: createLogger({ level: 'error' }) })
  stack.defer(() => store.close())
  alice = (await one.register('alice')).at(balancer.url)
  bob = (await two.register('bob')).at(balancer.url)
  roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
})

afterAll(async () => {
  await stack.disposeAsync()
})

const senderOf = async (): Promise<string | undefined> => {
  const rows = await store.database.query<{ holder: string }>(
    null,
    "select holder::text as holder from leases where name = 'federation-sender'",
  )
  return rows[0]?.holder
}

const countProcesses = async (): Promise<number> => {
  const [row] = await store.database.query<{ count: number }>(null, 'select count(*)::integer as count from processes')
  return row!.count
}

const within = { timeout: 30_000 }

describe('processes behind a balancer that knows nothing', { timeout: 300_000 }, () => {
  it('take over what one did that is killed, and the clients lose nothing', async () => {
    const [first, second] = processes as [ServerProcess, ServerProcess]
    await vi.waitFor(async () => expect(await senderOf()).toBeDefined(), within)
    const sender = await senderOf()
    await store.database.execute(
      null,
      `insert into jobs (created_ts, run_after_ts, lease_until_ts, holder, kind, key, payload)
       values (0, 0, $1, $2, 'of a newer version', 'held by the one that dies', '{}')`,
      [Date.now() + 3_600_000, sender!],
    )
    const isFree = async () => {
      const rows = await store.database.query<{ lease: number }>(
        null,
        `select lease from jobs where key = 'held by the one that dies' and holder is distinct from $1::uuid`,
        [sender!],
      )
      return rows.length === 1
    }
    const { sent, got } = await underLoad({ alice, bob, roomId }, 'killed', async () => {
      // Whichever it is that sends: both die in turn.
      for (const process of [second, first]) {
        await process.kill()
        await vi.waitFor(async () => expect(await countProcesses()).toBe(1), within)
        await vi.waitFor(async () => expect(await senderOf()).toBeDefined(), within)
        await process.launch()
      }
    })
    expect(new Set(got)).toEqual(new Set(sent))
    expect(got).toHaveLength(sent.length)
    expect(await senderOf()).not.toBe(sender)
    expect(await isFree()).toBe(true)
    await store.database.execute(null, `delete from jobs where key = 'held by the one that dies'`)
  })
})
