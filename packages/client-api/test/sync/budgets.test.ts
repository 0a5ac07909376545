import { statementsOf as allStatementsOf, TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const maxWaitMs = 30_000

/** Those that are not of sending the messages. */
async function statementsOf(server: TestServer, work: () => Promise<void>): Promise<string[]> {
  return (await allStatementsOf(server, work)).filter((name) => name !== 'hearth_commit')
}

// Deterministic figures only: times are measured by benchmarks.
describe('what a steady sync costs', () => {
  // Nobody's coming online is to wake who waits for messages.
  const lazy = JSON.stringify({ presence: { not_types: ['*'] }, room: { state: { lazy_load_members: true } } })
  let server: TestServer
  let alice: TestClient
  let readers: TestClient[]
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    readers = await Promise.all(['bob', 'carol', 'dave', 'erin'].map((name) => server.register(name)))
    for (const reader of readers) await reader.join(roomId)
    // Both have spoken, so that lazily loaded members are known as they are in a room that is in use.
    await alice.sendText(roomId, 'warm')
  })
  afterAll(() => server.stop())

  const bodies = (answer: SyncAnswer) =>
    answer.rooms?.join?.[roomId]?.timeline.events.map(({ content }) => content['body'])

  /** Waits until that many requests are parked. */
  async function parked(count: number): Promise<void> {
    const metrics = async () => (await server.anonymous.request('GET', '/metrics')).text
    await expect
      .poll(metrics, { timeout: 30_000, interval: 5 })
      .toMatch(new RegExp(`^hearth_sync_waiters ${count}$`, 'm'))
  }

  it('is no statement: not for a thousand syncs that wait and are woken, with lazily loaded members', async () => {
    let tokens = await Promise.all(readers.map(async (reader) => (await reader.sync({ filter: lazy })).next_batch))
    const rounds = 1_000 / readers.length
    const statements = await statementsOf(server, async () => {
      for (let round = 0; round < rounds; round += 1) {
        const waiting = readers.map((reader, index) =>
          reader.sync({ filter: lazy, since: tokens[index]!, timeout: maxWaitMs }),
        )
        const speaker = round % 2 === 0 ? alice : readers[0]!
        await speaker.sendText(roomId, `message ${round}`)
        const answers = await Promise.all(waiting)
        for (const answer of answers) expect(bodies(answer)).toEqual([`message ${round}`])
        tokens = answers.map((answer) => answer.next_batch)
      }
    })
    expect(statements).toEqual([])
  })

  it('is no statement for the event stream of 2014 either', async () => {
    const reader = readers[0]!
    const events = (query: Record<string, string | number>) => reader.get('/_matrix/client/api/v1/events', query)
    let from = (await events({ timeout: 0 }))['end'] as string
    const statements = await statementsOf(server, async () => {
      for (let round = 0; round < 50; round += 1) {
        const waiting = events({ from, timeout: maxWaitMs })
        await alice.sendText(roomId, `event ${round}`)
        const page = await waiting
        expect(page['chunk']).toMatchObject([{ content: { body: `event ${round}` } }])
        from = page['end'] as string
      }
    })
    expect(statements).toEqual([])
  })

  it('is nothing while a request waits', async () => {
    const tokens = await Promise.all(readers.map(async (reader) => (await reader.sync()).next_batch))
    let waiting: Promise<SyncAnswer>[] = []
    const statements = await statementsOf(server, async () => {
      waiting = readers.map((reader, index) => reader.sync({ since: tokens[index]!, timeout: maxWaitMs }))
      await parked(readers.length)
      await new Promise((resolve) => setTimeout(resolve, 200))
    })
    expect(statements).toEqual([])
    await alice.sendText(roomId, 'enough')
    await Promise.all(waiting)
  })

  it('is one look at the members for everybody when one of them changes', async () => {
    const newcomer = await server.register('newcomer')
    const tokens = await Promise.all(readers.map(async (reader) => (await reader.sync()).next_batch))
    const waiting = readers.map((reader, index) => reader.sync({ since: tokens[index]!, timeout: maxWaitMs }))
    await parked(readers.length)
    const statements = await statementsOf(server, async () => {
      await newcomer.join(roomId)
      const answers = await Promise.all(waiting)
      for (const answer of answers) {
        expect(answer.rooms?.join?.[roomId]?.summary).toMatchObject({ 'm.joined_member_count': 6 })
      }
    })
    expect(statements.filter((name) => name === 'currentState.countMembers')).toHaveLength(1)
  })
})

describe('what a first sync costs', () => {
  it('is a few statements for all rooms together, and two for the states of each', async () => {
    await using server = await TestServer.start()
    const alice = await server.register('alice')
    const bob = await server.register('bob')
    const count = 40
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const named = index % 2 === 0 && { name: `room ${index}` }
        const roomId = await alice.createRoom({ preset: 'public_chat', ...named })
        await bob.join(roomId)
        for (let n = 0; n < 5; n += 1) await alice.sendText(roomId, `message ${n}`)
      }),
    )
    await server.restart()
    await alice.get('account/whoami')
    let answer: SyncAnswer | undefined
    const statements = await statementsOf(server, async () => {
      answer = await alice.sync()
    })
    expect(Object.keys(answer!.rooms!.join!)).toHaveLength(count)
    const walks = statements.filter((name) => name === 'stateNodes.walk').length
    expect(walks).toBeLessThanOrEqual(2 * count)
    // Among them one or two each for receipts, unread counts, relations, presence lists and messages to the device.
    expect(statements.length - walks).toBeLessThanOrEqual(30)
  })
})
