import { FakeClock } from '@hearth/runtime'
import { TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('typing notifications', () => {
  const clock = new FakeClock()
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start({ clock })
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
  })
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })
  afterAll(() => server.stop())

  const path = (userId: string, room = roomId) =>
    `rooms/${encodeURIComponent(room)}/typing/${encodeURIComponent(userId)}`
  const type = (client: TestClient, isTyping = true, timeout?: number) =>
    client.put(path(client.userId), { typing: isTyping, ...(timeout !== undefined && { timeout }) })

  /** Who types according to an answer; undefined when it does not say. */
  const typingIn = (answer: SyncAnswer, room = roomId) =>
    answer.rooms?.join?.[room]?.ephemeral?.events.find((event) => event.type === 'm.typing')?.content['user_ids']

  it('wake those in the room, and are in a first answer', async () => {
    const { next_batch: since } = await alice.sync()
    const waiting = alice.sync({ since, timeout: 30_000 })
    expect(await type(bob)).toEqual({})
    const answer = await waiting
    expect(typingIn(answer)).toEqual([bob.userId])
    expect(answer.rooms!.join![roomId]!.timeline.events).toEqual([])
    expect(typingIn(await alice.sync())).toEqual([bob.userId])
    expect(typingIn(await alice.sync({ since: answer.next_batch }))).toBeUndefined()
  })

  it('end when they are stopped, and say so to those who heard of them', async () => {
    await type(bob)
    const { next_batch: since } = await alice.sync()
    await type(bob, false)
    const answer = await alice.sync({ since })
    expect(typingIn(answer)).toEqual([])
    expect(typingIn(await alice.sync({ since: answer.next_batch }))).toBeUndefined()
    // A first answer, too: its client may have heard of them from elsewhere.
    expect(typingIn(await alice.sync())).toEqual([])
  })

  it('end after their time, or after 30 seconds, with one timer for everybody', async () => {
    await type(alice, true, 5_000)
    const timers = clock.pendingTimers
    await type(bob)
    expect(clock.pendingTimers).toBe(timers)
    const { next_batch: since } = await alice.sync()
    await clock.advance(4_999)
    expect(typingIn(await alice.sync({ since }))).toBeUndefined()
    await clock.advance(1)
    expect(typingIn(await alice.sync({ since }))).toEqual([bob.userId])
    await clock.advance(24_999)
    expect(typingIn(await alice.sync())).toEqual([bob.userId])
    await clock.advance(200)
    expect(typingIn(await alice.sync({ since }))).toEqual([])
  })

  it('[H-22] last two minutes at most, however long they are asked for', async () => {
    await type(bob, true, Number.MAX_SAFE_INTEGER)
    await clock.advance(119_000)
    expect(typingIn(await alice.sync())).toEqual([bob.userId])
    await clock.advance(1_200)
    expect(typingIn(await alice.sync())).toEqual([])
  })

  it('go on as long as they are repeated, without telling anybody anew', async () => {
    await type(bob, true, 10_000)
    const { next_batch: since } = await alice.sync()
    await clock.advance(9_000)
    await type(bob, true, 10_000)
    await clock.advance(9_000)
    expect(typingIn(await alice.sync({ since }))).toBeUndefined()
    expect(typingIn(await alice.sync())).toEqual([bob.userId])
  })

  it('go on beside what their user sends, until their client says that it ends', async () => {
    await type(bob)
    const { next_batch: since } = await alice.sync()
    await bob.sendText(roomId, 'a part of it')
    const answer = await alice.sync({ since })
    expect(answer.rooms!.join![roomId]!.timeline.events).toHaveLength(1)
    expect(typingIn(answer)).toBeUndefined()
    expect(typingIn(await alice.sync())).toEqual([bob.userId])
    await type(bob, false)
    expect(typingIn(await alice.sync({ since: answer.next_batch }))).toEqual([])
  })

  it('[X-28] end with the session that they come from, if their time is not over before', async () => {
    const password = 'correct horse'
    const dave = await server.register(`dave${Date.now()}`, password)
    await dave.join(roomId)
    const [phone, laptop] = [await dave.logIn(dave.userId, password), await dave.logIn(dave.userId, password)]
    await type(phone)
    await laptop.post('logout')
    const { next_batch: since, ...heard } = await alice.sync()
    expect(typingIn({ next_batch: since, ...heard })).toEqual([dave.userId])
    await phone.post('logout')
    expect(typingIn(await alice.sync({ since, timeout: 30_000 }))).toEqual([])
    await type(dave, true, 5_000)
    await clock.advance(5_200)
    expect(typingIn(await alice.sync({ since }))).toEqual([])
  })

  it('end when their user leaves the room', async () => {
    await type(bob)
    await bob.leave(roomId)
    expect(typingIn(await alice.sync())).toEqual([])
  })

  it('come with a room to who joins it', async () => {
    await type(bob)
    const carol = await server.register(`carol${roomId.length}${Date.now()}`)
    const { next_batch: since } = await carol.sync()
    await carol.join(roomId)
    expect(typingIn(await carol.sync({ since }))).toEqual([bob.userId])
  })

  it('end with the server, and those who had heard of them hear of that', async () => {
    const quiet = await alice.createRoom()
    await type(bob)
    const told = await alice.sync()
    const { next_batch: untold } = await bob.sync({ filter: JSON.stringify({ room: { rooms: [] } }) })
    await clock.advance(1_000)
    await server.restart()
    const answer = await alice.sync({ since: told.next_batch })
    expect(typingIn(answer)).toEqual([])
    expect(typingIn(await alice.sync({ since: answer.next_batch }))).toBeUndefined()
    expect(typingIn(answer, quiet)).toEqual([])
    expect(untold).toMatch(/^s\d+_\d+t$/)
    // Tokens of before there were serials are as good.
    const [position] = told.next_batch.split('_')
    expect(typingIn(await alice.sync({ since: position! }))).toBeUndefined()
    await type(bob)
    expect(typingIn(await alice.sync({ since: position! }))).toEqual([bob.userId])
  })

  it('are left out by filters', async () => {
    await type(bob)
    for (const ephemeral of [{ types: ['m.receipt'] }, { not_types: ['m.typing'] }, { not_rooms: [roomId] }]) {
      const filter = JSON.stringify({ room: { ephemeral } })
      expect(typingIn(await alice.sync({ filter }))).toBeUndefined()
    }
  })

  it('[SEC-33] are of the requester alone, who has to be in the room', async () => {
    const refusal = async (target: string, body: unknown, client = bob) => {
      const answer = await client.request('PUT', target, { body })
      return [answer.status, answer.body['errcode']]
    }
    expect(await refusal(path(alice.userId), { typing: true })).toEqual([403, 'M_FORBIDDEN'])
    expect(await refusal(path(bob.userId, '!unknown:hearth.test'), { typing: true })).toEqual([404, 'M_NOT_FOUND'])
    const elsewhere = await alice.createRoom()
    expect(await refusal(path(bob.userId, elsewhere), { typing: true })).toEqual([403, 'M_FORBIDDEN'])
    for (const body of [{}, { typing: 'yes' }, { typing: true, timeout: -1 }, { typing: true, timeout: 1.5 }, []]) {
      expect((await refusal(path(bob.userId), body))[0]).toBe(400)
    }
    expect(typingIn(await alice.sync())).toBeUndefined()
  })
})
