import type { JsonObject } from '@hearth/protocol'
import { TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FoundingClient, roomPath } from './founding-client.ts'

const imageInfo = { size: 31_037, w: 394, h: 398, mimetype: 'image/jpeg' }

/** Messages with all keys that the founding documents name. */
const messages: readonly (readonly [ids: string, content: JsonObject])[] = [
  ['[E-018] [E-064]', { msgtype: 'com.example.unknown', body: 'fallback', anything: { goes: true } }],
  ['[E-023] [X-17]', { msgtype: 'm.notice', body: 'from a machine' }],
  [
    '[E-025]',
    {
      msgtype: 'm.image',
      body: 'image',
      url: 'mxc://hearth.test/a',
      info: imageInfo,
      thumbnail_url: 'mxc://hearth.test/b',
    },
  ],
  [
    '[E-027]',
    {
      msgtype: 'm.audio',
      body: 'song',
      url: 'mxc://hearth.test/a',
      info: { mimetype: 'audio/mpeg', size: 1_563_685, duration: 2_140_786 },
    },
  ],
  [
    '[E-029]',
    {
      msgtype: 'm.video',
      body: 'film',
      url: 'mxc://hearth.test/a',
      info: {
        mimetype: 'video/mp4',
        size: 1_563_685,
        duration: 2_140_786,
        w: 320,
        h: 480,
        thumbnail_url: 'mxc://hearth.test/b',
        // Thus spelt.
        thumbanil_info: imageInfo,
      },
    },
  ],
  [
    '[E-032] [E-033] [E-065] [E-067] [X-17]',
    {
      msgtype: 'm.file',
      body: 'something-important.doc',
      filename: 'something-important.doc',
      url: 'mxc://hearth.test/a',
      info: { mimetype: 'application/msword', size: 46_144 },
    },
  ],
  ['[E-066]', { msgtype: 'm.room.message', body: 'a name of an event type is a msgtype like any other' }],
]

describe('content in the founding API', () => {
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
    roomId = await alice.createRoom({ visibility: 'public' })
    await bob.join(roomId)
  })

  const send = (content: JsonObject, type = 'm.room.message') => alice.post(roomPath(roomId, 'send', type), content)

  it.each(messages)('%s passes every key of a message on', async (_ids, content) => {
    const from = await bob.now()
    const { event_id: eventId } = await send(content)
    const { chunk } = await bob.events({ from })
    expect(chunk).toMatchObject([{ event_id: eventId, type: 'm.room.message', content }])
    expect(chunk[0]!.content).toEqual(content)
    expect((await bob.messages(roomId, { limit: 1 })).chunk[0]!.content).toEqual(content)
  })

  it('[X-16] passes candidates of calls on, in either spelling', async () => {
    const candidates = {
      version: 0,
      call_id: '12345',
      candidates: [{ sdpMid: 'audio', sdpMLineIndex: 0, candidate: 'x' }],
    }
    for (const type of ['m.call.candidate', 'm.call.candidates']) {
      const from = await bob.now()
      await send(candidates, type)
      expect((await bob.events({ from })).chunk).toMatchObject([{ type, content: candidates }])
    }
  })

  it('[X-12] names the sender as user_id, and as sender besides', async () => {
    await send({ msgtype: 'm.text', body: 'x' })
    expect((await bob.messages(roomId, { limit: 1 })).chunk[0]).toMatchObject({
      user_id: alice.userId,
      sender: alice.userId,
    })
  })

  it('[E-005] shows events of one kind alike in both APIs', async () => {
    const eventId = await alice.sendText(roomId, 'alike')
    const now = await server.anonymous.expect(
      'GET',
      `rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(eventId)}`,
      {
        headers: { authorization: `Bearer ${bob.accessToken}` },
      },
    )
    const then = await bob.get(roomPath(roomId, 'event', eventId))
    for (const key of ['event_id', 'type', 'content', 'room_id', 'origin_server_ts'])
      expect(then[key]).toEqual(now[key])
  })

  it('[E-008] has the topic as a text', async () => {
    expect(await alice.setState(roomId, 'm.room.topic', { topic: 'A topic' })).toMatchObject({ status: 200 })
    expect(await bob.state(roomId, 'm.room.topic')).toEqual({ topic: 'A topic' })
    expect(await alice.setState(roomId, 'm.room.topic', { topic: ['A', 'list'] })).toMatchObject({ status: 400 })
    expect(await bob.state(roomId, 'm.room.topic')).toEqual({ topic: 'A topic' })
  })

  it('[E-011] has join rules as the room was created, and as they are set', async () => {
    expect(await bob.state(roomId, 'm.room.join_rules')).toEqual({ join_rule: 'public' })
    const hidden = await alice.createRoom()
    expect(await alice.state(hidden, 'm.room.join_rules')).toEqual({ join_rule: 'invite' })
    for (const rule of ['knock', 'private', 'invite', 'public']) {
      expect(await alice.setState(roomId, 'm.room.join_rules', { join_rule: rule })).toMatchObject({ status: 200 })
    }
    expect(await alice.setState(roomId, 'm.room.join_rules', { join_rule: 7 })).toMatchObject({ status: 400 })
  })

  it('[E-012] has levels by user, and a default', async () => {
    expect(await alice.state(roomId, 'm.room.power_levels')).toEqual({ [alice.userId]: 100, default: 0 })
    await alice.setState(roomId, 'm.room.power_levels', { [alice.userId]: 100, [bob.userId]: 50, default: 5 })
    expect(await bob.state(roomId, 'm.room.power_levels')).toEqual({
      [alice.userId]: 100,
      [bob.userId]: 50,
      default: 5,
    })
  })

  it('[X-06] [X-08] [H-11] shows a room at once, with messages and state events in their order', async () => {
    await alice.setState(roomId, 'm.room.topic', { topic: 'between' })
    const last = await alice.sendText(roomId, 'last')
    const snapshot = await bob.get(roomPath(roomId, 'initialSync'), { limit: 2 })
    expect(snapshot).toMatchObject({
      room_id: roomId,
      membership: 'join',
      messages: {
        start: expect.any(String) as unknown,
        end: expect.any(String) as unknown,
        chunk: [
          { type: 'm.room.topic', state_key: '' },
          { type: 'm.room.message', event_id: last },
        ],
      },
      presence: expect.any(Array) as unknown,
      receipts: expect.any(Array) as unknown,
    })
    const account = await bob.get('initialSync', { limit: 2 })
    const room = (account['rooms'] as JsonObject[]).find((each) => each['room_id'] === roomId)
    expect(room).toMatchObject({ messages: { chunk: [{ type: 'm.room.topic' }, { event_id: last }] } })
  })

  it('[E-006] has names that begin with m. for every event that the server makes', async () => {
    await alice.put(`profile/${encodeURIComponent(alice.userId)}/displayname`, { displayname: 'Alice' })
    const from = await alice.now()
    const made = await alice.createRoom({
      visibility: 'public',
      room_alias_name: 'names',
      name: 'Names',
      topic: 'What things are called',
      invite: [bob.userId],
    })
    const told = [...(await alice.allState(made)), ...(await alice.events({ from })).chunk]
    expect(told.length).toBeGreaterThan(10)
    expect(told.filter(({ type }) => !type.startsWith('m.'))).toEqual([])
  })

  it('[X-38] tells everybody of one order, whoever sends at once', async () => {
    const from = await alice.now()
    await Promise.all(
      [alice, bob].flatMap((client) => ['1', '2', '3', '4'].map((body) => client.sendText(roomId, body))),
    )
    const idsOf = (chunk: readonly JsonObject[]) => chunk.map((event) => event['event_id'])
    const [ofAlice, ofBob] = [idsOf((await alice.events({ from })).chunk), idsOf((await bob.events({ from })).chunk)]
    expect(ofAlice).toHaveLength(8)
    expect(ofBob).toEqual(ofAlice)
    const headers = { authorization: `Bearer ${bob.accessToken}` }
    const today = await server.anonymous.expect('GET', 'sync', { headers, query: { since: from } })
    const { join } = today['rooms'] as { join: Record<string, { timeline: { events: JsonObject[] } }> }
    expect(idsOf(join[roomId]!.timeline.events)).toEqual(ofAlice)
    expect(idsOf((await alice.messages(roomId, { limit: 8 })).chunk).reverse()).toEqual(ofAlice)
  })

  it('[C-155] keeps address books as account data, and has no other place for them', async () => {
    const path = `user/${encodeURIComponent(alice.userId)}/account_data/com.example.contacts`
    const headers = { authorization: `Bearer ${alice.accessToken}` }
    const contacts = { contacts: [{ name: 'Bob', user_id: bob.userId }] }
    await server.anonymous.expect('PUT', path, { headers, body: contacts })
    expect(await server.anonymous.expect('GET', path, { headers })).toEqual(contacts)
    expect(await alice.get('initialSync')).toMatchObject({
      account_data: expect.arrayContaining([{ type: 'com.example.contacts', content: contacts }]) as unknown,
    })
    for (const each of ['contacts', 'addressbook']) {
      expect(await alice.request('GET', each)).toMatchObject({ status: 404, body: { errcode: 'M_UNRECOGNIZED' } })
    }
  })

  it('[X-29] takes any text for a transaction id', async () => {
    for (const txnId of ['1', 'm1408.0', '../x', 'é ☃', 'a'.repeat(200)]) {
      const path = roomPath(roomId, 'send', 'm.room.message', txnId)
      const first = await alice.put(path, { msgtype: 'm.text', body: txnId })
      expect(await alice.put(path, { msgtype: 'm.text', body: 'again' })).toEqual(first)
    }
  })

  it('[X-32] keeps of redacted events what the version of their room keeps', async () => {
    const { event_id: sent } = (
      await alice.setState(roomId, 'm.room.power_levels', { [alice.userId]: 100, default: 1 })
    ).body
    await alice.post(roomPath(roomId, 'redact', sent as string))
    // Version 12 keeps what it takes to invite as well, which the founding documents do not list.
    const event = await server.anonymous.expect(
      'GET',
      `rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(sent as string)}`,
      { headers: { authorization: `Bearer ${alice.accessToken}` } },
    )
    expect(event['content']).toHaveProperty('invite')
  })

  it('[X-37] bans as the rest of the API does', async () => {
    await alice.post(roomPath(roomId, 'ban'), { user_id: bob.userId, reason: 'spam' })
    expect(await alice.state(roomId, 'm.room.member', bob.userId)).toMatchObject({ membership: 'ban', reason: 'spam' })
    expect(await bob.status('POST', roomPath(roomId, 'join'), {})).toBe(403)
  })

  it('[C-134] lets administrators of the server redact without the level, in rooms that they are in', async () => {
    const admin = await FoundingClient.registerAdmin(server, 'root')
    const eventId = await alice.sendText(roomId, 'against the law')
    const redact = () => admin.request('POST', roomPath(roomId, 'redact', eventId), { body: { reason: 'law' } })
    expect(await redact()).toMatchObject({ status: 403 })
    await admin.join(roomId)
    expect(await redact()).toMatchObject({ status: 200 })
    expect(await bob.get(roomPath(roomId, 'event', eventId))).toMatchObject({ content: {} })
  })

  it('[H-12] answers the event stream with its two ends, and refuses tokens that are none', async () => {
    const from = await bob.now()
    await alice.sendText(roomId, 'one')
    await alice.sendText(roomId, 'two')
    const first = await bob.get('events', { from, timeout: 0, limit: 1, room_id: roomId })
    expect(first).toMatchObject({ start: from, chunk: [{ content: { body: 'one' } }] })
    const second = await bob.get('events', { from: first['end'] as string, timeout: 0 })
    expect(second).toMatchObject({ start: first['end'], chunk: [{ content: { body: 'two' } }] })
    expect(await bob.status('GET', 'events?from=nonsense')).toBe(400)
    expect(await bob.status('GET', `events?from=${from}&timeout=-1`)).toBe(400)
  })
})
