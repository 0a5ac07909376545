import { Balancer, createTestDatabase, RedisServer, ServerProcess, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

const stack = new AsyncDisposableStack()
let processes: ServerProcess[]
let balancer: Balancer
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
  alice = (await one.register('alice')).at(balancer.url)
  bob = (await two.register('bob')).at(balancer.url)
  roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
})

afterAll(async () => {
  await stack.disposeAsync()
})

/** Sends and receives over the balancer while something happens; gives what was sent and what came, in their order. */
async function underLoad(name: string, happening: () => Promise<void>): Promise<{ sent: string[]; got: string[] }> {
  let isOver = false
  let isSent = false
  const sent: string[] = []
  const failures: unknown[] = []
  let { next_batch: since } = await bob.sync()
  const sending = (async () => {
    for (let n = 0; !isOver; n += 1) {
      const body = `${name} ${n}`
      try {
        await alice.sendText(roomId, body)
        sent.push(body)
      } catch (error) {
        failures.push(error)
      }
      // What is no idempotent request must not fail either.
      if (n % 10 === 0) await alice.createRoom().catch((error: unknown) => failures.push(error))
    }
  })()
  const got: string[] = []
  const receive = async () => {
    for (let idle = 0; !isSent || (got.length < sent.length && idle < 10);) {
      const answer = await bob.sync({ since, timeout: 2_000 })
      since = answer.next_batch
      const { events = [] } = answer.rooms?.join?.[roomId]?.timeline ?? {}
      got.push(...events.map(({ content }) => content['body'] as string))
      idle = events.length > 0 ? 0 : idle + 1
    }
  }
  const receiving = receive().catch((error: unknown) => failures.push(error))
  try {
    await happening()
  } finally {
    isOver = true
    await sending
    isSent = true
  }
  await receiving
  expect(failures).toEqual([])
  return { sent, got }
}

describe('processes behind a balancer that knows nothing', { timeout: 300_000 }, () => {
  it('are restarted one after the other under load without a failed request or a missed event', async () => {
    const { sent, got } = await underLoad('rolling', async () => {
      for (const process of processes) {
        expect(await process.terminate()).toBe(0)
        await process.launch()
      }
    })
    expect(got).toEqual(sent)
    expect(processes.flatMap(({ errors }) => errors)).toEqual([])
  })

  it('say that they stop before they do', async () => {
    const [first] = processes as [ServerProcess]
    const { url } = first
    const ended = first.terminate()
    await vi.waitFor(async () => {
      const response = await fetch(`${url}/health`)
      expect(response.status).toBe(503)
      expect(response.headers.get('connection')).toBe('close')
    }, 30_000)
    // Whoever comes meanwhile is served.
    const answer = await alice.at(url).request('GET', 'account/whoami')
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    expect(await ended).toBe(0)
    await first.launch()
  })
})
