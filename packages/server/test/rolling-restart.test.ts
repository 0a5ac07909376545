import { Balancer, createTestDatabase, RedisServer, ServerProcess, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { underLoad } from './under-load.ts'

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

describe('processes behind a balancer that knows nothing', { timeout: 300_000 }, () => {
  it('are restarted one after the other under load without a failed request or a missed event', async () => {
    const { sent, got } = await underLoad({ alice, bob, roomId }, 'rolling', async () => {
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
