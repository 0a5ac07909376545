import type { JsonObject } from '@hearth/protocol'
import { statementsOf, TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FoundingClient, roomPath, type FoundingChunk, type FoundingEvent } from './founding-client.ts'

describe('the event stream of the founding API', () => {
  let server: TestServer
  let alice: FoundingClient
  let bob: FoundingClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await FoundingClient.register(server, 'alice')
    bob = await FoundingClient.register(server, 'bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = (await alice.post('createRoom', { visibility: 'public' }))['room_id'] as string
    await bob.post(`join/${encodeURIComponent(roomId)}`)
  })

  const say = (client: FoundingClient, body: string) =>
    client.post(`${roomPath(roomId)}/send/m.room.message`, { msgtype: 'm.text', body })
  const get = async (client: FoundingClient, path: string, query: Record<string, string | number> = {}) => {
    const answer = await client.request('GET', path, { query })
    expect(answer.status, answer.text).toBe(200)
    return answer.body
  }
  const events = (client: FoundingClient, query: Record<string, string | number>) =>
    get(client, 'events', query) as unknown as Promise<FoundingChunk>
  const now = async (client: FoundingClient) => (await events(client, { timeout: 0 })).end
  const bodies = (chunk: readonly FoundingEvent[]) => chunk.flatMap(({ content }) => content['body'] ?? [])

  it('[C-035] returns early when an event occurs', async () => {
    const from = await now(bob)
    const waiting = events(bob, { from, timeout: 30_000 })
    await new Promise((resolve) => setTimeout(resolve, 200))
    await say(alice, 'early')
    expect(bodies((await waiting).chunk)).toEqual(['early'])
  })

  it('[C-036] [C-039] returns after the timeout with an empty chunk and an end', async () => {
    const from = await now(bob)
    const started = performance.now()
    const answer = await events(bob, { from, timeout: 500 })
    expect(performance.now() - started).toBeGreaterThanOrEqual(450)
    expect(answer).toEqual({ start: from, end: from, chunk: [] })
    // Without a token, or with one that holds nothing yet, it begins now.
    expect((await events(bob, { from: '', timeout: 0 })).chunk).toEqual([])
  })

  it('[C-037] shows messages, state, own joins and invitations, and nothing of rooms one is not in', async () => {
    const from = await now(bob)
    const other = (await alice.post('createRoom', {}))['room_id'] as string
    await alice.post(`${roomPath(other)}/send/m.room.message`, { msgtype: 'm.text', body: 'not for bob' })
    await say(alice, 'for bob')
    await alice.put(`${roomPath(roomId)}/state/m.room.topic`, { topic: 'state' })
    await alice.post(`${roomPath(other)}/invite`, { user_id: bob.userId })
    const { chunk } = await events(bob, { from, timeout: 0, limit: 100 })
    expect(chunk.map(({ type, room_id: room }) => [type, room])).toEqual([
      ['m.room.message', roomId],
      ['m.room.topic', roomId],
      ['m.room.member', other],
    ])
    expect(chunk[2]).toMatchObject({ user_id: alice.userId, state_key: bob.userId, content: { membership: 'invite' } })
    await bob.post(`join/${encodeURIComponent(other)}`)
    const later = await events(bob, { from: (await events(bob, { from, timeout: 0, limit: 3 })).end, timeout: 0 })
    expect(later.chunk.at(-1)).toMatchObject({ type: 'm.room.member', content: { membership: 'join' }, room_id: other })
  })

  it('[C-038] [C-042] resumes where a client left off: each event once, in order, some at a time', async () => {
    let from = await now(bob)
    const sending = (async () => {
      for (let n = 0; n < 20; n += 1) await say(alice, `m${n}`)
    })()
    const collected: unknown[] = []
    while (collected.length < 20) {
      const { chunk, end } = await events(bob, { from, timeout: 5_000, limit: 3 })
      expect(chunk.length).toBeLessThanOrEqual(3)
      collected.push(...bodies(chunk))
      from = end
    }
    await sending
    expect(collected).toEqual(Array.from({ length: 20 }, (_, n) => `m${n}`))
  })

  it('[C-040] goes on from the end of initialSync', async () => {
    const { end } = await get(bob, 'initialSync')
    await say(alice, 'since then')
    expect(bodies((await events(bob, { from: end as string, timeout: 0 })).chunk)).toEqual(['since then'])
  })

  it.each(['from=nonsense', 'timeout=soon', 'limit=many', 'limit=-1'])('[C-041] refuses %s', async (query) => {
    const answer = await bob.request('GET', `events?${query}`)
    expect(answer.status).toBe(400)
  })

  it('[C-095] shows the leave and nothing after it', async () => {
    const from = await now(bob)
    await say(alice, 'before')
    await bob.post(`${roomPath(roomId)}/leave`)
    await say(alice, 'after')
    const { chunk, end } = await events(bob, { from, timeout: 0 })
    expect(chunk.map(({ type, content }) => content['body'] ?? type)).toEqual(['before', 'm.room.member'])
    await say(alice, 'long after')
    expect((await events(bob, { from: end, timeout: 0 })).chunk).toEqual([])
  })

  it('asks the database nothing for what is new', async () => {
    let from = await now(bob)
    await say(alice, 'warm')
    from = (await events(bob, { from, timeout: 0 })).end
    for (let n = 0; n < 20; n += 1) {
      await say(alice, `message ${n}`)
      const statements = await statementsOf(server, async () => {
        const answer = await events(bob, { from, timeout: 0 })
        expect(bodies(answer.chunk)).toEqual([`message ${n}`])
        from = answer.end
      })
      expect(statements).toEqual([])
    }
  })

  describe('initialSync', () => {
    const roomOf = async (client: FoundingClient, query: Record<string, string | number> = {}) => {
      const { rooms } = await get(client, 'initialSync', query)
      return (rooms as unknown as JsonObject[]).find((room) => room['room_id'] === roomId)
    }
    const chunkOf = (room: JsonObject | undefined) => room?.['messages'] as unknown as FoundingChunk

    it('[C-116] [C-117] has presence, end and rooms', async () => {
      const answer = await get(bob, 'initialSync')
      expect(answer).toMatchObject({
        end: expect.any(String) as unknown,
        presence: [{ type: 'm.presence', content: { user_id: bob.userId } }],
        rooms: expect.any(Array) as unknown,
      })
    })

    it('[C-118] [C-119] [C-081] [H-10] shows joined rooms whole, and of invitations who invites', async () => {
      await say(alice, 'hello')
      expect(await roomOf(bob)).toMatchObject({
        membership: 'join',
        visibility: 'public',
        messages: { start: expect.any(String) as unknown, end: expect.any(String) as unknown },
        state: expect.arrayContaining([expect.objectContaining({ type: 'm.room.create', state_key: '' })]) as unknown,
      })
      const invited = (await alice.post('createRoom', { invite: [bob.userId] }))['room_id']
      const { rooms } = await get(bob, 'initialSync')
      const room = (rooms as unknown as JsonObject[]).find((each) => each['room_id'] === invited)
      expect(room).toMatchObject({ membership: 'invite', inviter: alice.userId })
      expect(room).not.toHaveProperty('messages')
      expect(room).not.toHaveProperty('state')
    })

    it('[C-120] bounds the messages of each room', async () => {
      for (let n = 0; n < 12; n += 1) await say(alice, `m${n}`)
      expect(chunkOf(await roomOf(bob, { limit: 0 })).chunk).toEqual([])
      expect(bodies(chunkOf(await roomOf(bob, { limit: 2 })).chunk)).toEqual(['m10', 'm11'])
      expect(chunkOf(await roomOf(bob)).chunk).toHaveLength(10)
      expect((await bob.request('GET', 'initialSync', { query: { limit: 'hello' } })).status).toBe(400)
    })

    it('[C-121] [C-122] has messages and state events in order, and each key of the state once', async () => {
      await say(alice, 'message')
      await alice.put(`${roomPath(roomId)}/state/m.room.topic`, { topic: 'one' })
      await alice.put(`${roomPath(roomId)}/state/m.room.topic`, { topic: 'two' })
      const room = await roomOf(bob)
      const types = chunkOf(room).chunk.map(({ type }) => type)
      expect(types.slice(-3)).toEqual(['m.room.message', 'm.room.topic', 'm.room.topic'])
      const keys = (room!['state'] as unknown as FoundingEvent[]).map(({ type, state_key: key }) => `${type}|${key}`)
      expect(new Set(keys).size).toBe(keys.length)
      const topic = (room!['state'] as unknown as FoundingEvent[]).find(({ type }) => type === 'm.room.topic')
      expect(topic?.content).toMatchObject({ topic: 'two' })
    })

    it('[C-123] pages back from the start without overlap', async () => {
      for (let n = 0; n < 5; n += 1) await say(alice, `m${n}`)
      const { start, chunk } = chunkOf(await roomOf(bob, { limit: 2 }))
      const page = await get(bob, `${roomPath(roomId)}/messages`, { from: start, dir: 'b', limit: 3 })
      expect(bodies(chunk)).toEqual(['m3', 'm4'])
      expect(bodies((page as unknown as FoundingChunk).chunk)).toEqual(['m2', 'm1', 'm0'])
    })

    it('[C-096] leaves out rooms one has left, unless archived ones are wanted', async () => {
      await bob.post(`${roomPath(roomId)}/leave`)
      expect(await roomOf(bob)).toBeUndefined()
      expect(await roomOf(bob, { archived: 'true' })).toMatchObject({ membership: 'leave' })
    })

    it('[C-129] [H-11] shows one room', async () => {
      await say(alice, 'one')
      const room = await get(bob, `${roomPath(roomId)}/initialSync`, { limit: 1 })
      expect(room).toMatchObject({ room_id: roomId, membership: 'join', receipts: [] })
      expect(bodies(chunkOf(room).chunk)).toEqual(['one'])
      expect(chunkOf(await get(bob, `${roomPath(roomId)}/initialSync`, { limit: 0 })).chunk).toEqual([])
    })
  })

  describe('receipts', () => {
    const read = async (client: FoundingClient, eventId: string) => {
      const path = `rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(eventId)}`
      const headers = { authorization: `Bearer ${client.accessToken}` }
      await server.anonymous.expect('POST', path, { body: {}, headers })
    }
    const receiptOf = (client: FoundingClient, eventId: string) => ({
      type: 'm.receipt',
      room_id: roomId,
      content: { [eventId]: { 'm.read': { [client.userId]: { ts: expect.any(Number) as unknown } } } },
    })

    it('come down the stream, to those who wait as well', async () => {
      const { event_id: eventId } = await say(alice, 'read me')
      const from = await now(alice)
      const waiting = events(alice, { from, timeout: 30_000 })
      await read(bob, eventId as string)
      const answer = await waiting
      expect(answer.chunk).toEqual([receiptOf(bob, eventId as string)])
      expect(await events(alice, { from: answer.end, timeout: 0 })).toMatchObject({ chunk: [] })
    })

    it('are in the snapshots', async () => {
      const { event_id: eventId } = await say(alice, 'read me')
      await read(bob, eventId as string)
      const all = (await get(alice, 'initialSync', { limit: 1 }))['receipts']
      expect(all).toContainEqual(receiptOf(bob, eventId as string))
      const room = await get(alice, `${roomPath(roomId)}/initialSync`, { limit: 1 })
      expect(room['receipts']).toEqual([receiptOf(bob, eventId as string)])
      await bob.post(`${roomPath(roomId)}/leave`)
      expect(await get(bob, `${roomPath(roomId)}/initialSync`, { limit: 1 })).toMatchObject({ receipts: [] })
    })
  })
})
