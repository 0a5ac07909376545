import type { JsonObject } from '@hearth/protocol'
import { SimulatedWorld, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('between three servers', () => {
  let world: SimulatedWorld
  let alice: TestClient
  let bob: TestClient
  let carol: TestClient
  let roomId: string

  beforeAll(async () => {
    world = await SimulatedWorld.start(['one.test', 'two.test', 'three.test'])
    ;[alice, bob, carol] = world.servers.map(({ users }) => users[0]!) as [TestClient, TestClient, TestClient]
  })
  afterAll(() => world[Symbol.asyncDispose]())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await world.join(bob, roomId, 'one.test')
    await world.join(carol, roomId, 'one.test')
  })

  const room = (rest: string) => `rooms/${encodeURIComponent(roomId)}/${rest}`
  /** Syncs until what is looked for is there. */
  async function until<T>(user: TestClient, look: (answer: SyncAnswer) => T | undefined): Promise<T> {
    let since: string | undefined
    for (let round = 0; round < 40; round += 1) {
      const answer = await user.sync({ timeout: 500, ...(since !== undefined && { since }) })
      const found = look(answer)
      if (found !== undefined) return found
      since = answer.next_batch
    }
    throw new Error(`${user.userId} was not told`)
  }
  const seen = (user: TestClient, eventId: string) =>
    until(user, ({ rooms }) => rooms?.join?.[roomId]?.timeline.events.find((event) => event.event_id === eventId))
  const memberSeen = (user: TestClient, userId: string, membership: string) =>
    until(user, ({ rooms }) => {
      const joined = rooms?.join?.[roomId] ?? rooms?.leave?.[roomId]
      const events = [...(joined?.state?.events ?? []), ...(joined?.timeline.events ?? [])]
      return events.find(({ state_key: key, content }) => key === userId && content['membership'] === membership)
    })
  const ephemeral = (user: TestClient, type: string, matches: (content: JsonObject) => boolean) =>
    until(user, ({ rooms }) =>
      rooms?.join?.[roomId]?.ephemeral?.events.find((event) => event.type === type && matches(event.content)),
    )

  it('what is said on each is read on all, and the one that took a join tells the others of it', async () => {
    await memberSeen(bob, carol.userId, 'join')
    for (const speaker of [alice, bob, carol]) {
      const eventId = await speaker.sendText(roomId, `from ${speaker.userId}`)
      for (const reader of [alice, bob, carol]) await seen(reader, eventId)
    }
  })

  it('who leaves or is banned is seen to go everywhere, also on their own server', async () => {
    await memberSeen(bob, carol.userId, 'join')
    await carol.leave(roomId)
    for (const reader of [alice, bob]) await memberSeen(reader, carol.userId, 'leave')
    await alice.post(room('ban'), { user_id: bob.userId })
    await memberSeen(bob, bob.userId, 'ban')
  })

  it('typing, receipts and presence are told of', async () => {
    await memberSeen(bob, carol.userId, 'join')
    await bob.put(room(`typing/${encodeURIComponent(bob.userId)}`), { typing: true, timeout: 30_000 })
    const types = ({ user_ids: ids }: JsonObject) => (ids as string[]).includes(bob.userId)
    for (const reader of [alice, carol]) await ephemeral(reader, 'm.typing', types)
    const eventId = await alice.sendText(roomId, 'read this')
    await seen(bob, eventId)
    await bob.post(room(`receipt/m.read/${encodeURIComponent(eventId)}`))
    for (const reader of [alice, carol]) {
      await ephemeral(reader, 'm.receipt', (content) => JSON.stringify(content[eventId] ?? {}).includes(bob.userId))
    }
    await bob.put(`presence/${encodeURIComponent(bob.userId)}/status`, { presence: 'online', status_msg: 'here' })
    for (const reader of [alice, carol]) {
      await until(reader, ({ presence }) =>
        presence?.events.find(({ sender, content }) => sender === bob.userId && content['status_msg'] === 'here'),
      )
    }
  })

  it('messages to devices arrive', async () => {
    await alice.put('sendToDevice/com.example.test/one', {
      messages: { [bob.userId]: { [bob.deviceId]: { n: 1 } }, [carol.userId]: { '*': { n: 2 } } },
    })
    for (const [user, n] of [
      [bob, 1],
      [carol, 2],
    ] as const) {
      const event = await until(user, ({ to_device: messages }) => messages?.events[0])
      expect(event).toEqual({ sender: alice.userId, type: 'com.example.test', content: { n } })
    }
  })

  it('what was said while they were parted is read by all afterwards', async () => {
    await memberSeen(bob, carol.userId, 'join')
    world.network.part([['one.test'], ['two.test', 'three.test']])
    const [first, second] = [await alice.sendText(roomId, 'here'), await bob.sendText(roomId, 'there')]
    await seen(carol, second)
    await world.network.heal()
    world.clock.jump(60_000)
    for (const reader of [bob, carol]) await seen(reader, first)
    await seen(alice, second)
  })
})
