import type { JsonObject } from '@hearth/protocol'
import { TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('receipts', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
  })
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })
  afterAll(() => server.stop())

  const path = (type: string, eventId: string, room = roomId) =>
    `rooms/${encodeURIComponent(room)}/receipt/${type}/${encodeURIComponent(eventId)}`
  const read = (client: TestClient, eventId: string, body: JsonObject = {}, type = 'm.read') =>
    client.post(path(type, eventId), body)
  const refusal = async (client: TestClient, type: string, eventId: string, body: unknown = {}, room = roomId) => {
    const answer = await client.request('POST', path(type, eventId, room), { body })
    return [answer.status, answer.body['errcode']]
  }

  /** The contents of the receipts in an answer. */
  const receiptsIn = (answer: SyncAnswer, room = roomId): JsonObject[] =>
    (answer.rooms?.join?.[room]?.ephemeral?.events ?? []).flatMap(({ type, content }) =>
      type === 'm.receipt' ? [content] : [],
    )
  const receipt = (threadId?: string) => ({
    ts: expect.any(Number) as number,
    ...(threadId !== undefined && { thread_id: threadId }),
  })
  const thread = (client: TestClient, rootId: string, body: string) =>
    client.send(roomId, 'm.room.message', {
      msgtype: 'm.text',
      body,
      'm.relates_to': { rel_type: 'm.thread', event_id: rootId },
    })

  it('come down the sync of everybody in the room, the first one and the following', async () => {
    const eventId = await alice.sendText(roomId, 'hello')
    const { next_batch: since } = await alice.sync()
    expect(await read(bob, eventId)).toEqual({})
    const expected = [{ [eventId]: { 'm.read': { [bob.userId]: receipt() } } }]
    for (const client of [alice, bob]) expect(receiptsIn(await client.sync())).toEqual(expected)
    const next = await alice.sync({ since })
    expect(receiptsIn(next)).toEqual(expected)
    expect(next.rooms!.join![roomId]!.timeline.events).toEqual([])
    expect(receiptsIn(await alice.sync({ since: next.next_batch }))).toEqual([])
  })

  it('wake those who wait', async () => {
    const eventId = await alice.sendText(roomId, 'hello')
    const { next_batch: since } = await alice.sync()
    const waiting = alice.sync({ since, timeout: 30_000 })
    await read(bob, eventId)
    expect(receiptsIn(await waiting)).toEqual([{ [eventId]: { 'm.read': { [bob.userId]: receipt() } } }])
  })

  it('of one user, room and thread are one, which only moves forward', async () => {
    const [first, second] = [await alice.sendText(roomId, 'first'), await alice.sendText(roomId, 'second')]
    await read(bob, second)
    const { next_batch: since } = await alice.sync()
    await read(bob, first)
    await read(bob, second)
    expect(receiptsIn(await alice.sync({ since }))).toEqual([])
    expect(receiptsIn(await alice.sync())).toEqual([{ [second]: { 'm.read': { [bob.userId]: receipt() } } }])
  })

  it('in the main timeline, in a thread and in the whole room stand side by side', async () => {
    const root = await alice.sendText(roomId, 'root')
    const inThread = await thread(alice, root, 'in the thread')
    const reaction = await alice.send(roomId, 'm.reaction', {
      'm.relates_to': { rel_type: 'm.annotation', event_id: inThread, key: '+1' },
    })
    await read(bob, root)
    await read(bob, root, { thread_id: 'main' })
    await read(bob, reaction, { thread_id: root })
    expect(receiptsIn(await alice.sync())).toEqual([
      {
        [root]: { 'm.read': { [bob.userId]: receipt() } },
        [reaction]: { 'm.read': { [bob.userId]: receipt(root) } },
      },
      { [root]: { 'm.read': { [bob.userId]: receipt('main') } } },
    ])
  })

  it('[S-56] of a thread that the event is not in are refused', async () => {
    const root = await alice.sendText(roomId, 'root')
    const other = await alice.sendText(roomId, 'other')
    const inThread = await thread(alice, root, 'in the thread')
    const invalid = [400, 'M_INVALID_PARAM']
    expect(await refusal(bob, 'm.read', inThread, { thread_id: 'main' })).toEqual(invalid)
    expect(await refusal(bob, 'm.read', inThread, { thread_id: other })).toEqual(invalid)
    expect(await refusal(bob, 'm.read', other, { thread_id: root })).toEqual(invalid)
    for (const threadId of ['', 5, null, {}, ['main']]) {
      expect(await refusal(bob, 'm.read', other, { thread_id: threadId })).toEqual(invalid)
    }
    expect(await refusal(bob, 'm.fully_read', other, { thread_id: 'main' })).toEqual(invalid)
    const odd = await alice.send(roomId, 'm.room.message', {
      msgtype: 'm.text',
      body: 'odd',
      'm.relates_to': { rel_type: 'm.reference', event_id: other },
    })
    expect(await refusal(bob, 'm.read', odd, { thread_id: root })).toEqual(invalid)
    await read(bob, odd, { thread_id: 'main' })
    expect(receiptsIn(await alice.sync())).toHaveLength(1)
  })

  it('[S-56] of an event of another room, of none, or by somebody outside are refused', async () => {
    const elsewhere = await alice.createRoom()
    const other = await alice.sendText(elsewhere, 'elsewhere')
    expect(await refusal(bob, 'm.read', other)).toEqual([404, 'M_NOT_FOUND'])
    expect(await refusal(bob, 'm.read', '$nothing')).toEqual([404, 'M_NOT_FOUND'])
    expect(await refusal(bob, 'm.read', 'nothing')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refusal(bob, 'm.read', other, {}, elsewhere)).toEqual([403, 'M_FORBIDDEN'])
    expect(await refusal(bob, 'm.read', other, {}, '!unknown:hearth.test')).toEqual([404, 'M_NOT_FOUND'])
    const eventId = await alice.sendText(roomId, 'hello')
    await bob.leave(roomId)
    expect(await refusal(bob, 'm.read', eventId)).toEqual([403, 'M_FORBIDDEN'])
    expect(receiptsIn(await alice.sync())).toEqual([])
  })

  it('must be of a type that there is', async () => {
    const eventId = await alice.sendText(roomId, 'hello')
    expect(await refusal(bob, 'not.m.read', eventId)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refusal(bob, '__proto__', eventId)).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('that are private are for their sender alone', async () => {
    const eventId = await alice.sendText(roomId, 'hello')
    const tokens = [await alice.sync(), await bob.sync()].map(({ next_batch: since }) => since)
    await read(bob, eventId, {}, 'm.read.private')
    const expected = [{ [eventId]: { 'm.read.private': { [bob.userId]: receipt() } } }]
    expect(receiptsIn(await bob.sync({ since: tokens[1]! }))).toEqual(expected)
    expect(receiptsIn(await alice.sync({ since: tokens[0]! }))).toEqual([])
    await server.restart()
    expect(receiptsIn(await bob.sync())).toEqual(expected)
    expect(receiptsIn(await alice.sync())).toEqual([])
    expect(receiptsIn(await alice.sync({ since: tokens[0]! }))).toEqual([])
  })

  it('survive a restart, and are told to old tokens after it', async () => {
    const eventId = await alice.sendText(roomId, 'hello')
    const { next_batch: since } = await alice.sync()
    await read(bob, eventId)
    await server.restart()
    const expected = [{ [eventId]: { 'm.read': { [bob.userId]: receipt() } } }]
    const next = await alice.sync({ since })
    expect(receiptsIn(next)).toEqual(expected)
    expect(receiptsIn(await alice.sync({ since: next.next_batch }))).toEqual([])
    expect(receiptsIn(await alice.sync())).toEqual(expected)
  })

  it('of a room come with it to who joins it', async () => {
    const eventId = await alice.sendText(roomId, 'hello')
    await read(bob, eventId)
    const carol = await server.register(`carol${Date.now()}`)
    const { next_batch: since } = await carol.sync()
    await carol.join(roomId)
    expect(receiptsIn(await carol.sync({ since }))).toEqual([{ [eventId]: { 'm.read': { [bob.userId]: receipt() } } }])
  })

  it('are left out by filters', async () => {
    const eventId = await alice.sendText(roomId, 'hello')
    const { next_batch: since } = await alice.sync()
    await read(bob, eventId)
    for (const ephemeral of [{ types: [] }, { not_types: ['m.*'] }, { not_rooms: [roomId] }, { limit: 0 }]) {
      const filter = JSON.stringify({ room: { ephemeral } })
      expect(receiptsIn(await alice.sync({ filter }))).toEqual([])
      expect((await alice.sync({ filter, since })).rooms?.join ?? {}).toEqual({})
    }
    const filter = JSON.stringify({ room: { ephemeral: { types: ['m.receipt'] } } })
    expect(receiptsIn(await alice.sync({ filter, since }))).toHaveLength(1)
  })

  it('of all of a large room are given up to a bound, with the own one among them', async () => {
    const eventId = await alice.sendText(roomId, 'hello')
    await read(alice, eventId)
    // Rows of users who are nowhere else: to register so many would take minutes.
    await server.store.database.execute(
      null,
      `with u as (insert into users (server_nid, user_id)
                  select 1, '@crowd' || n || ':hearth.test' from generate_series(1, 2000) n returning nid),
            head as (update stream_head set pos = pos + 2000 returning pos),
            e as (select nid, stream_pos, room_nid from events order by nid desc limit 1)
       insert into receipts (pos, room_nid, user_nid, type, event_nid, event_pos, ts)
       select head.pos - row_number() over () + 1, e.room_nid, u.nid, 'm.read', e.nid, e.stream_pos, 0 from u, head, e`,
    )
    await server.restart()
    const [content] = receiptsIn(await alice.sync())
    const readers = Object.keys((content![eventId] as Record<string, JsonObject>)['m.read']!)
    expect(readers).toContain(alice.userId)
    expect(readers.length).toBeLessThanOrEqual(501)
  })

  describe('read markers', () => {
    const markers = (body: JsonObject) =>
      bob.request('POST', `rooms/${encodeURIComponent(roomId)}/read_markers`, { body })
    const dataIn = (answer: SyncAnswer) => answer.rooms?.join?.[roomId]?.account_data?.events ?? []

    it('are account data of the room, which the server writes', async () => {
      const eventId = await alice.sendText(roomId, 'hello')
      const { next_batch: since } = await bob.sync()
      expect((await markers({ 'm.fully_read': eventId })).text).toBe('{}')
      const expected = [{ type: 'm.fully_read', content: { event_id: eventId } }]
      expect(dataIn(await bob.sync({ since }))).toEqual(expected)
      expect(dataIn(await bob.sync())).toEqual(expected)
      expect(dataIn(await alice.sync())).toEqual([])
    })

    it('only move forward', async () => {
      const [first, second] = [await alice.sendText(roomId, 'first'), await alice.sendText(roomId, 'second')]
      await read(bob, second, {}, 'm.fully_read')
      await read(bob, first, {}, 'm.fully_read')
      expect(dataIn(await bob.sync())).toEqual([{ type: 'm.fully_read', content: { event_id: second } }])
    })

    it('take receipts along', async () => {
      const [first, second] = [await alice.sendText(roomId, 'first'), await alice.sendText(roomId, 'second')]
      await markers({ 'm.fully_read': first, 'm.read': first, 'm.read.private': second })
      expect(receiptsIn(await bob.sync())).toEqual([
        {
          [first]: { 'm.read': { [bob.userId]: receipt() } },
          [second]: { 'm.read.private': { [bob.userId]: receipt() } },
        },
      ])
      expect((await markers({})).status).toBe(200)
    })

    it('[S-56] are refused together when one of their events is not in the room', async () => {
      const elsewhere = await alice.createRoom()
      const [here, there] = [await alice.sendText(roomId, 'here'), await alice.sendText(elsewhere, 'there')]
      const refused = await markers({ 'm.fully_read': here, 'm.read': there })
      expect([refused.status, refused.body['errcode']]).toEqual([404, 'M_NOT_FOUND'])
      expect((await markers({ 'm.fully_read': 5 })).status).toBe(400)
      const answer = await bob.sync()
      expect([dataIn(answer), receiptsIn(answer)]).toEqual([[], []])
      await bob.leave(roomId)
      expect((await markers({ 'm.fully_read': here })).body['errcode']).toBe('M_FORBIDDEN')
    })
  })
})
