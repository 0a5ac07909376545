import { Queues } from '@hearth/queues'
import { createLogger, Metrics, SystemClock } from '@hearth/runtime'
import { RedisServer } from '@hearth/test-kit'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { RateLimiters } from '../src/index.ts'

const limits = { guesses: { perSecond: 0.001, burst: 4, by: 'address' } } as const
let redis: RedisServer
let queues: Queues[]
let processes: RateLimiters<'guesses'>[]

beforeAll(async () => {
  redis = await RedisServer.start()
  const logger = createLogger({ level: 'error' })
  const options = { redisUrl: redis.url, deployment: 'a', clock: new SystemClock(), logger, metrics: new Metrics() }
  queues = await Promise.all([Queues.create(options), Queues.create(options)])
  await Promise.all(queues.map((each) => each.begin()))
  processes = queues.map(({ rateLimits }) => new RateLimiters({ limits, enabled: true, shared: rateLimits }))
})

afterAll(async () => {
  await Promise.all(queues.map((each) => each.end()))
  await redis.stop()
})

/** How often a key passes that asks one process after the other. */
async function passes(key: string): Promise<number> {
  for (let count = 0; ; count++) {
    try {
      await processes[count % processes.length]!.count('guesses', key)
    } catch (error) {
      expect(error).toMatchObject({ errcode: 'M_LIMIT_EXCEEDED' })
      return count
    }
  }
}

it('several processes count together', async () => {
  expect(await passes('a')).toBe(4)
  for (const limiters of processes) await expect(limiters.count('guesses', 'a')).rejects.toMatchObject({ status: 429 })
  expect(await passes('b')).toBe(4)
})

it('what one counted the other gives back, one for one', async () => {
  const [first, second] = processes as [RateLimiters<'guesses'>, RateLimiters<'guesses'>]
  for (let i = 0; i < 20; i++) {
    await first.count('guesses', 'c')
    await second.giveBack('guesses', 'c')
  }
  expect(await passes('c')).toBe(4)
  await second.giveBack('guesses', 'c')
  expect(await passes('c')).toBe(1)
  await first.reset('guesses', 'c')
  expect(await passes('c')).toBe(4)
})

it('each counts for itself while Redis is away, and nobody waits for it', async () => {
  await redis.kill()
  await vi.waitFor(() => expect(queues[0]!.rateLimits!.client.status).not.toBe('ready'), 30_000)
  await vi.waitFor(() => expect(queues[1]!.rateLimits!.client.status).not.toBe('ready'), 30_000)
  expect(await passes('d')).toBe(8)
  await redis.launch()
  await vi.waitFor(
    () => expect(queues.every(({ rateLimits }) => rateLimits!.client.status === 'ready')).toBe(true),
    10_000,
  )
  expect(await passes('e')).toBe(4)
})
