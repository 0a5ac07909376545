import { SystemClock } from '@hearth/runtime'
import { RedisServer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { LocalJobQueue, type JobQueue } from '../src/index.ts'
import { RedisJobQueue } from '../src/redis-job-queue.ts'
import { quiet as logger } from './quiet.ts'

const clock = new SystemClock()
let redis: RedisServer

beforeAll(async () => {
  redis = await RedisServer.start()
})

afterAll(async () => {
  await redis.stop()
})

let deployments = 0

function queuesOf(kind: 'in one process' | 'over Redis', count: number): JobQueue[] {
  const peers = new Set<() => void>()
  const prefix = `test:${(deployments += 1)}:`
  return Array.from({ length: count }, () =>
    kind === 'over Redis' ? new RedisJobQueue({ url: redis.url, prefix, clock, logger }) : new LocalJobQueue(peers),
  )
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 30))

describe.each(['in one process', 'over Redis'] as const)('a queue of jobs %s', (kind) => {
  it('calls one of those that take part, and over time each of them', async () => {
    const queues = queuesOf(kind, 3)
    const calls = [0, 0]
    await queues[1]!.takePart(() => (calls[0]! += 1))
    await queues[2]!.takePart(() => (calls[1]! += 1))
    const total = () => calls[0]! + calls[1]!
    // The first does not take part itself.
    queues[0]!.wake()
    await vi.waitFor(() => expect(total()).toBe(1), 60_000)
    await vi.waitFor(async () => {
      queues[0]!.wake()
      await pause()
      expect(Math.min(...calls)).toBeGreaterThan(0)
    }, 60_000)
    await Promise.all(queues.map((queue) => queue.end()))
  })

  it('calls nobody who has left', async () => {
    const queues = queuesOf(kind, 2)
    const calls = [0, 0]
    await queues[0]!.takePart(() => (calls[0]! += 1))
    await queues[1]!.takePart(() => (calls[1]! += 1))
    await queues[0]!.end()
    const before = calls[0]!
    for (let n = 1; n <= 5; n += 1) {
      queues[1]!.wake()
      await vi.waitFor(() => expect(calls[1]).toBeGreaterThanOrEqual(n), 60_000)
    }
    expect(calls[0]).toBe(before)
    await queues[1]!.end()
  })
})

describe('a queue of jobs over Redis', () => {
  it('works again after Redis was emptied, and after it was away', async () => {
    const [queue] = queuesOf('over Redis', 1) as [JobQueue]
    let calls = 0
    await queue.takePart(() => (calls += 1))
    const wakes = async () => {
      const before = calls
      await vi.waitFor(async () => {
        queue.wake()
        await pause()
        expect(calls).toBeGreaterThan(before)
      }, 60_000)
    }
    await wakes()
    await redis.flush()
    await wakes()
    await redis.kill()
    queue.wake()
    await pause()
    await redis.launch()
    await wakes()
    await queue.end()
  })
})
