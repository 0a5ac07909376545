import type { JsonObject } from '@hearth/protocol'
import { FakeNetwork, FakePeer, TestCa, TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sendTransaction, SharedRoom } from './shared-room.ts'

describe('EDUs of other servers', () => {
  const network = new FakeNetwork()
  let ca: TestCa
  let server: TestServer
  let peer: FakePeer
  let stranger: FakePeer
  let alice: TestClient
  let room: SharedRoom
  let since: string
  let count = 0

  beforeAll(async () => {
    ca = await TestCa.create()
    server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
    peer = await FakePeer.start({ ca, network, name: 'peer.test' })
    stranger = await FakePeer.start({ ca, network, name: 'stranger.test' })
  })
  afterAll(async () => {
    await server.stop()
    await peer[Symbol.asyncDispose]()
    await stranger[Symbol.asyncDispose]()
    await ca[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    count += 1
    alice = await server.register(`alice${count}`)
    room = await SharedRoom.create(alice, server, peer, { localpart: `mallory${count}` })
    since = (await alice.sync()).next_batch
  })

  const send = async (edus: readonly unknown[], origin = peer) => {
    const { status } = await sendTransaction(origin, server, { edus })
    expect(status).toBe(200)
  }
  const edu = (type: string, content: unknown) => ({ edu_type: type, content })
  const ephemeral = ({ rooms }: SyncAnswer, type: string) =>
    (rooms?.join?.[room.id]?.ephemeral?.events ?? [])
      .filter((event) => event.type === type)
      .map(({ content }) => content)

  describe('m.typing', () => {
    const typing = (isTyping: unknown, fields: JsonObject = {}) =>
      edu('m.typing', { room_id: room.id, user_id: room.userId, typing: isTyping as boolean, ...fields })

    it('say who types and who stops', async () => {
      await send([typing(true)])
      const answer = await alice.sync({ since })
      expect(ephemeral(answer, 'm.typing')).toEqual([{ user_ids: [room.userId] }])
      await send([typing(false)])
      expect(ephemeral(await alice.sync({ since: answer.next_batch }), 'm.typing')).toEqual([{ user_ids: [] }])
    })

    it('[SEC-145] [C-03] are passed over that are of users of other servers, or of who is not in the room', async () => {
      await send([
        typing(true, { user_id: alice.userId }),
        typing(true, { user_id: `@nobody:${peer.name}` }),
        typing(true, { room_id: '!unknown:hearth.test' }),
        typing('yes'),
        edu('m.typing', null),
        edu('m.typing', { ['__proto__']: { typing: true } }),
      ])
      await send([typing(true, { user_id: `@x:${stranger.name}` }), typing(true)], stranger)
      expect(ephemeral(await alice.sync({ since }), 'm.typing')).toEqual([])
    })

    it('are passed over that come from a server that the room does not let take part', async () => {
      await alice.setState(room.id, 'm.room.server_acl', { allow: ['*'], deny: [peer.name] })
      since = (await alice.sync()).next_batch
      await send([typing(true)])
      expect(ephemeral(await alice.sync({ since }), 'm.typing')).toEqual([])
    })
  })

  describe('m.receipt', () => {
    const receipts = (users: JsonObject, type = 'm.read') => edu('m.receipt', { [room.id]: { [type]: users } })
    const read = (eventId: unknown, data: unknown = { ts: 1_000 }) => ({ event_ids: [eventId], data }) as JsonObject

    it('say how far people have read, in threads as well', async () => {
      const [first, second] = [await alice.sendText(room.id, '1'), await alice.sendText(room.id, '2')]
      since = (await alice.sync()).next_batch
      await send([
        receipts({ [room.userId]: read(first) }),
        receipts({ [room.userId]: read(second, { ts: 2_000, thread_id: 'main' }) }),
      ])
      expect(ephemeral(await alice.sync({ since }), 'm.receipt')).toEqual([
        {
          [first]: { 'm.read': { [room.userId]: { ts: 1_000 } } },
          [second]: { 'm.read': { [room.userId]: { ts: 2_000, thread_id: 'main' } } },
        },
      ])
    })

    it('take several users at once, and move nobody back', async () => {
      const [first, second] = [await alice.sendText(room.id, '1'), await alice.sendText(room.id, '2')]
      const other = await SharedRoom.join(room.id, server, peer, `eve${count}`)
      await send([receipts({ [room.userId]: read(second), [other.userId]: read(first) })])
      since = (await alice.sync()).next_batch
      await send([receipts({ [room.userId]: read(first), [other.userId]: read(second) })])
      expect(ephemeral(await alice.sync({ since }), 'm.receipt')).toEqual([
        { [second]: { 'm.read': { [other.userId]: { ts: 1_000 } } } },
      ])
    })

    it('[SEC-146] [S-16] [S-56] [C-03] are passed over that are wrong, without those beside them', async () => {
      const eventId = await alice.sendText(room.id, '1')
      const elsewhere = await alice.sendText(await alice.createRoom(), 'elsewhere')
      since = (await alice.sync()).next_batch
      await send([
        receipts({
          [alice.userId]: read(eventId),
          [`@nobody:${peer.name}`]: read(eventId),
          [`@stranger:${stranger.name}`]: read(eventId),
          ['__proto__']: read(eventId),
        }),
        receipts({ [room.userId]: read(elsewhere) }),
        receipts({ [room.userId]: read('$unknown') }),
        receipts({ [room.userId]: read(7) }),
        receipts({ [room.userId]: read(eventId, { ts: 'x' }) }),
        receipts({ [room.userId]: read(eventId, { ts: 1, thread_id: '$no-thread' }) }),
        receipts({ [room.userId]: read(eventId) }, 'm.read.private'),
        edu('m.receipt', { [room.id]: { 'm.read': 7 } }),
        edu('m.receipt', { '!unknown:hearth.test': { 'm.read': { [room.userId]: read(eventId) } } }),
        edu('m.receipt', []),
      ])
      expect(ephemeral(await alice.sync({ since }), 'm.receipt')).toEqual([])
      await send([receipts({ [room.userId]: read('$unknown'), [`@nobody:${peer.name}`]: read(eventId) })])
      await send([receipts({ ['nonsense']: 7, [room.userId]: read(eventId) })])
      expect(ephemeral(await alice.sync({ since }), 'm.receipt')).toHaveLength(1)
    })
  })

  it('[SEC-146] [SEC-150] are bounded, however much one of them says', async () => {
    const eventId = await alice.sendText(room.id, '1')
    since = (await alice.sync()).next_batch
    const many = Array.from({ length: 10_001 }, (_, n) => n)
    const users = many.map((n) => [`@u${n}:${peer.name}`, { event_ids: [eventId], data: { ts: 1 } }])
    await send([edu('m.receipt', { [room.id]: { 'm.read': Object.fromEntries(users) as JsonObject } })])
    const devices = Object.fromEntries(many.map((n) => [`DEVICE${n}`, { n }]))
    const content = { sender: room.userId, type: 'x', message_id: 'many', messages: { [alice.userId]: devices } }
    await send([edu('m.direct_to_device', content)])
    const push = many.map((n) => ({ user_id: `@u${n}:${peer.name}`, presence: 'online', last_active_ago: 1 }))
    await send([edu('m.presence', { push })])
    const answer = await alice.sync({ since })
    expect(ephemeral(answer, 'm.receipt')).toEqual([])
    expect(answer.to_device).toBeUndefined()
  })

  describe('m.presence', () => {
    const presence = (...push: JsonObject[]) => edu('m.presence', { push })
    const seen = async () =>
      ((await alice.sync({ since })).presence?.events ?? [])
        .filter(({ sender }) => sender !== alice.userId)
        .map(({ sender, content }) => [sender, content['presence'], content['status_msg']])

    it('say who is there, to those who share a room with them', async () => {
      await send([presence({ user_id: room.userId, presence: 'online', last_active_ago: 5, status_msg: 'here' })])
      expect(await seen()).toEqual([[room.userId, 'online', 'here']])
      const status = await alice.get(`presence/${encodeURIComponent(room.userId)}/status`)
      expect(status).toMatchObject({ presence: 'online', status_msg: 'here' })
      await send([presence({ user_id: room.userId, presence: 'offline', last_active_ago: 9 })])
      expect(await seen()).toEqual([[room.userId, 'offline', undefined]])
    })

    it('are shown to who comes later', async () => {
      await send([presence({ user_id: room.userId, presence: 'unavailable', last_active_ago: 5 })])
      const bob = await server.register(`bob${count}`)
      await bob.join(room.id)
      const { presence: shown } = await bob.sync()
      expect(shown!.events.map(({ sender, content }) => [sender, content['presence']])).toContainEqual([
        room.userId,
        'unavailable',
      ])
    })

    it('[C-03] are passed over that are of others, or of who shares no room with our users', async () => {
      const other = (userId: string) => ({ user_id: userId, presence: 'online', last_active_ago: 5 })
      await send([presence(other(alice.userId), other(`@nobody:${peer.name}`), other(`@x:${stranger.name}`))])
      await send([presence(other(room.userId), other(`@x:${stranger.name}`))], stranger)
      await send([presence({ user_id: room.userId, presence: 'dancing' }), edu('m.presence', { push: 7 })])
      expect(await seen()).toEqual([])
    })
  })

  describe('m.direct_to_device', () => {
    let ids = 0
    const message = (messages: JsonObject, fields: JsonObject = {}) =>
      edu('m.direct_to_device', {
        sender: `@mallory:${peer.name}`,
        type: 'com.example.test',
        message_id: `id${(ids += 1)}`,
        messages,
        ...fields,
      })
    const received = async () =>
      ((await alice.sync({ since })).to_device?.events ?? []).map(({ content }) => content['n'])

    it('[SEC-150] bring messages to devices, each once', async () => {
      const twice = message({ [alice.userId]: { [alice.deviceId]: { n: 1 } } })
      await send([twice])
      await send([twice, message({ [alice.userId]: { '*': { n: 2 } } })])
      expect((await alice.sync({ since })).to_device!.events).toEqual([
        { type: 'com.example.test', sender: `@mallory:${peer.name}`, content: { n: 1 } },
        { type: 'com.example.test', sender: `@mallory:${peer.name}`, content: { n: 2 } },
      ])
    })

    it('[SEC-150] [C-03] are passed over that are of another sender, for others, or malformed', async () => {
      const toAlice = { [alice.userId]: { '*': { n: 'no' } } }
      await send([
        message(toAlice, { sender: alice.userId }),
        message(toAlice, { sender: `@x:${stranger.name}` }),
        message(toAlice, { type: 'a\u0001'.repeat(200) }),
        message({ '@alice:elsewhere.test': { '*': { n: 'no' } } }),
        message({ [alice.userId]: { [alice.deviceId]: 7 } }),
        message({ [alice.userId]: 7 }),
        message({ [alice.userId]: { '*': { n: 'x'.repeat(70_000) } } }),
        edu('m.direct_to_device', 7),
        message({ [alice.userId]: { '*': { n: 'yes' } } }),
      ])
      expect(await received()).toEqual(['yes'])
    })
  })

  it('of unknown types, and what is none at all, leave the others alone', async () => {
    await send([
      edu('m.device_list_update', { user_id: room.userId }),
      edu('com.example.unknown', {}),
      { edu_type: 7, content: {} },
      7,
      null,
      [],
      edu('m.typing', { room_id: room.id, user_id: room.userId, typing: true }),
    ])
    expect(ephemeral(await alice.sync({ since }), 'm.typing')).toEqual([{ user_ids: [room.userId] }])
  })
})
