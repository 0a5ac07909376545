import type { JsonObject } from '@hearth/protocol'
import { SystemClock } from '@hearth/runtime'
import { RedisServer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { LocalBus, LocalHub, type Bus } from '../src/index.ts'
import { RedisBus } from '../src/redis-bus.ts'
import { quiet as logger } from './quiet.ts'

const clock = new SystemClock()
let redis: RedisServer

beforeAll(async () => {
  redis = await RedisServer.start()
})

afterAll(async () => {
  await redis.stop()
})

interface Member {
  readonly bus: Bus
  readonly hints: JsonObject[]
  readonly ordered: { readonly message: JsonObject; readonly serial: number }[]
  gaps: number
}

function listen(bus: Bus): Member {
  const member: Member = { bus, hints: [], ordered: [], gaps: 0 }
  bus.onHint('topic', (message) => member.hints.push(message))
  bus.onOrdered('topic', (message, serial) => member.ordered.push({ message, serial }))
  bus.onGap(() => (member.gaps += 1))
  return member
}

let deployments = 0

/** So many members of one bus. */
async function membersOf(kind: 'in one process' | 'over Redis', count: number): Promise<Member[]> {
  const hub = new LocalHub(clock)
  const prefix = `test:${(deployments += 1)}:`
  const members: Member[] = []
  for (let n = 0; n < count; n += 1) {
    const bus =
      kind === 'over Redis'
        ? new RedisBus({ url: redis.url, prefix, clock, logger })
        : new LocalBus({ clock, logger, hub })
    members.push(listen(bus))
    await bus.begin()
  }
  return members
}

const ended = async (members: readonly Member[]) => {
  await Promise.all(members.map(({ bus }) => bus.end()))
}

describe.each(['in one process', 'over Redis'] as const)('a bus %s', (kind) => {
  it('tells the others what one publishes, in its order, and not itself', async () => {
    const members = await membersOf(kind, 3)
    const [first, second, third] = members as [Member, Member, Member]
    for (let n = 0; n < 20; n += 1) first.bus.publish('topic', { n })
    const all = Array.from({ length: 20 }, (_, n) => ({ n }))
    await vi.waitFor(() => {
      expect(second.hints).toEqual(all)
      expect(third.hints).toEqual(all)
    }, 30_000)
    expect(first.hints).toEqual([])
    await ended(members)
  })

  it('tells all what anybody orders, in one order, with serials that grow', async () => {
    const members = await membersOf(kind, 3)
    for (let n = 0; n < 30; n += 1) members[n % 3]!.bus.order('topic', { n })
    await vi.waitFor(() => {
      for (const { ordered } of members) expect(ordered).toHaveLength(30)
    }, 30_000)
    const [first] = members as [Member]
    for (const { ordered, bus } of members) {
      expect(ordered).toEqual(first.ordered)
      expect(bus.last).toBe(ordered.at(-1)!.serial)
    }
    const serials = first.ordered.map(({ serial }) => serial)
    expect(serials).toEqual([...new Set(serials)].sort((a, b) => a - b))
    await ended(members)
  })

  it('gives whoever comes later a start behind everything before it', async () => {
    const members = await membersOf(kind, 1)
    const [first] = members as [Member]
    first.bus.order('topic', { n: 1 })
    await vi.waitFor(() => expect(first.ordered).toHaveLength(1), 30_000)
    expect(first.ordered[0]!.serial).toBeGreaterThan(first.bus.start)
    const later = new RedisBus({ url: redis.url, prefix: `test:${deployments}:`, clock, logger })
    if (kind === 'over Redis') {
      await later.begin()
      expect(later.start).toBeGreaterThanOrEqual(first.ordered[0]!.serial)
      await later.end()
    }
    await ended(members)
  })

  it('says at the start that something may have been missed, and nothing to other deployments', async () => {
    const [members, others] = [await membersOf(kind, 2), await membersOf(kind, 1)]
    await vi.waitFor(() => {
      for (const { gaps } of [...members, ...others]) expect(gaps).toBe(1)
    }, 30_000)
    members[0]!.bus.publish('topic', {})
    members[0]!.bus.order('topic', {})
    await vi.waitFor(() => expect(members[1]!.ordered).toHaveLength(1), 30_000)
    expect([others[0]!.hints, others[0]!.ordered]).toEqual([[], []])
    await ended([...members, ...others])
  })
})

describe('a bus over Redis', () => {
  it('goes on when Redis was emptied, with later serials', async () => {
    const members = await membersOf('over Redis', 2)
    const [first, second] = members as [Member, Member]
    first.bus.order('topic', { n: 1 })
    await vi.waitFor(() => expect(second.ordered).toHaveLength(1), 30_000)
    await redis.flush()
    first.bus.order('topic', { n: 2 })
    await vi.waitFor(() => expect(second.ordered).toHaveLength(2), 30_000)
    expect(second.ordered[1]!.serial).toBeGreaterThan(second.ordered[0]!.serial)
    expect(second.ordered).toEqual(first.ordered)
    await ended(members)
  })

  it('leaves each process by itself while Redis is away, and says when it is back', async () => {
    const members = await membersOf('over Redis', 2)
    const [first, second] = members as [Member, Member]
    await redis.kill()
    await vi.waitFor(() => expect([first.bus.isConnected, second.bus.isConnected]).toEqual([false, false]), 30_000)
    const { last } = first.bus
    first.bus.order('topic', { n: 1 })
    first.bus.publish('topic', { n: 1 })
    expect(first.ordered).toEqual([{ message: { n: 1 }, serial: last + 1 }])
    const gaps = [first.gaps, second.gaps]
    await redis.launch()
    await vi.waitFor(() => expect([first.gaps, second.gaps]).toEqual(gaps.map((count) => count + 1)), 60_000)
    await vi.waitFor(() => expect([first.bus.isConnected, second.bus.isConnected]).toEqual([true, true]), 60_000)
    second.bus.order('topic', { n: 2 })
    await vi.waitFor(() => expect(first.ordered).toHaveLength(2), 30_000)
    expect(first.ordered[1]!.serial).toBeGreaterThan(last + 1)
    expect(second.ordered.map(({ message }) => message)).toEqual([{ n: 2 }])
    await ended(members)
  })

  it('drops what Redis is too slow for, and waits for nothing', async () => {
    const members = await membersOf('over Redis', 2)
    const [first, second] = members as [Member, Member]
    redis.pause()
    for (let n = 0; n < 10_000; n += 1) first.bus.publish('topic', { n })
    redis.resume()
    await vi.waitFor(() => expect(second.hints.length).toBeGreaterThan(0), 30_000)
    expect(second.hints.length).toBeLessThan(10_000)
    await vi.waitFor(() => {
      first.bus.publish('topic', { n: -1 })
      expect(second.hints.at(-1)).toEqual({ n: -1 })
    }, 10_000)
    await ended(members)
  })

  it('hears nothing in what is no message of ours', async () => {
    const members = await membersOf('over Redis', 1)
    const [first] = members as [Member]
    for (const text of ['x', '[]', '{}', '["a"]', '["a","topic",1]', '1', '1_2_["a","topic",{}]']) {
      await redis.command(`PUBLISH test:${deployments}:hints '${text}'`)
      await redis.command(`PUBLISH test:${deployments}:ordered '${text}'`)
    }
    await redis.command(`PUBLISH test:${deployments}:hints '["other","topic",{"n":1}]'`)
    await vi.waitFor(() => expect(first.hints).toEqual([{ n: 1 }]), 30_000)
    expect(first.ordered).toEqual([])
    await ended(members)
  })
})
