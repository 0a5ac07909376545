import type { JsonObject } from '@hearth/protocol'
import { TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FoundingClient, roomPath } from './founding-client.ts'

describe('rooms of the founding API', () => {
  let server: TestServer
  let alice: FoundingClient
  let bob: FoundingClient

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await FoundingClient.register(server, 'alice')
    bob = await FoundingClient.register(server, 'bob')
  })
  afterAll(() => server.stop())

  const listed = async (): Promise<JsonObject[]> => {
    const { chunk } = await server.anonymous.get('/_matrix/client/api/v1/publicRooms')
    return chunk as unknown as JsonObject[]
  }

  it('[C-044] [H-04] creates a room without any options', async () => {
    expect(await alice.post('createRoom', {})).toEqual({ room_id: expect.stringMatching(/^!/) as unknown })
    expect(await alice.status('POST', 'createRoom')).toBe(200)
  })

  it('[C-044] [H-04] creates one room for one transaction id, and answers the same', async () => {
    const options = { room_alias_name: 'once', visibility: 'public', name: 'Once' }
    const first = await alice.put('createRoom/txn1', options)
    expect(first).toMatchObject({ room_alias: '#once:hearth.test' })
    expect(await alice.put('createRoom/txn1', options)).toEqual(first)
    expect((await alice.put('createRoom/txn2', {}))['room_id']).not.toBe(first['room_id'])
    expect((await bob.put('createRoom/txn1', {}))['room_id']).not.toBe(first['room_id'])
  })

  it('[C-044] makes one room of a transaction id that comes twice at once', async () => {
    const answers = await Promise.all(
      [1, 2, 3].map(() => alice.put('createRoom/atonce', { room_alias_name: 'atonce' })),
    )
    expect(new Set(answers.map((answer) => answer['room_id'])).size).toBe(1)
    for (const answer of answers) expect(answer).toHaveProperty('room_alias', '#atonce:hearth.test')
  })

  it('[C-045] [H-17] [X-02] lists public rooms, with an alias or without, and no private ones', async () => {
    const open = await alice.createRoom({ visibility: 'public', name: 'The agora', topic: 'Talk' })
    const closed = await alice.createRoom({ visibility: 'private' })
    const room = { room_id: open, name: 'The agora', topic: 'Talk', aliases: [], num_joined_members: 1 }
    await expect.poll(listed).toContainEqual(expect.objectContaining(room))
    expect((await listed()).map((each) => each['room_id'])).not.toContain(closed)
  })

  it('[H-17] gives the list in pages without asking for a token', async () => {
    for (const name of ['first', 'second']) await alice.createRoom({ visibility: 'public', name })
    await expect.poll(async () => (await listed()).length).toBeGreaterThan(1)
    const get = (query: Record<string, string | number>) =>
      server.anonymous.get('/_matrix/client/api/v1/publicRooms', query)
    const all = await get({})
    expect(all).toMatchObject({ start: 'START', end: 'END' })
    const first = await get({ limit: 1 })
    expect(first).toMatchObject({ start: 'START', end: expect.any(String) as string })
    const rest = await get({ from: first['end'] as string })
    expect([...(first['chunk'] as JsonObject[]), ...(rest['chunk'] as JsonObject[])]).toEqual(all['chunk'])
    const bad = await server.anonymous.request('GET', '/_matrix/client/api/v1/publicRooms?from=nonsense')
    expect(bad.status).toBe(400)
  })

  it('[C-046] [X-01] makes private rooms unless asked otherwise', async () => {
    const roomId = await alice.createRoom({})
    expect(await alice.state(roomId, 'm.room.join_rules')).toEqual({ join_rule: 'invite' })
    expect((await listed()).map((room) => room['room_id'])).not.toContain(roomId)
  })

  it('[C-047] refuses other values of visibility', async () => {
    const answer = await alice.request('POST', 'createRoom', { body: { visibility: 'x' } })
    expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
  })

  it('[C-048] names the room with an alias, and refuses one that is taken', async () => {
    const created = await alice.post('createRoom', { room_alias_name: 'thepub' })
    expect(created['room_alias']).toBe('#thepub:hearth.test')
    const found = await bob.get(`directory/room/${encodeURIComponent('#thepub:hearth.test')}`)
    expect(found['room_id']).toBe(created['room_id'])
    const again = await bob.request('POST', 'createRoom', { body: { room_alias_name: 'thepub' } })
    expect(again).toMatchObject({ status: 400, body: { errcode: 'M_ROOM_IN_USE' } })
  })

  it('[C-049] [C-050] [E-007] gives the room its name and topic, in its state and on the stream', async () => {
    const from = await alice.now()
    const roomId = await alice.createRoom({ name: 'The pub', topic: 'Beer' })
    expect(await alice.state(roomId, 'm.room.name')).toEqual({ name: 'The pub' })
    expect(await alice.state(roomId, 'm.room.topic')).toMatchObject({ topic: 'Beer' })
    const { chunk } = await alice.events({ from })
    const seen = chunk.filter((event) => event.room_id === roomId).map(({ type }) => type)
    expect(seen).toEqual(expect.arrayContaining(['m.room.name', 'm.room.topic']))
  })

  it('[C-051] invites whom it is told to, and makes no room for a malformed id', async () => {
    const roomId = await alice.createRoom({ invite: [bob.userId] })
    expect(await alice.state(roomId, 'm.room.member', bob.userId)).toMatchObject({ membership: 'invite' })
    const { rooms } = (await bob.get('initialSync')) as { rooms: JsonObject[] }
    expect(rooms).toContainEqual(
      expect.objectContaining({ room_id: roomId, membership: 'invite', inviter: alice.userId }),
    )
    const before = (await alice.get('joined_rooms'))['joined_rooms']
    expect(await alice.status('POST', 'createRoom', { invite: ['bob'] })).toBe(400)
    expect((await alice.get('joined_rooms'))['joined_rooms']).toEqual(before)
  })

  it('[C-052] [E-010] begins with the create event, which names the creator and cannot be sent again', async () => {
    const roomId = await alice.createRoom()
    expect(await alice.state(roomId, 'm.room.create')).toMatchObject({ creator: alice.userId })
    const { chunk } = await alice.messages(roomId, { dir: 'f', limit: 1 })
    expect(chunk).toMatchObject([{ type: 'm.room.create', user_id: alice.userId, content: { creator: alice.userId } }])
    expect(chunk[0]).not.toHaveProperty('prev_events')
    expect((await alice.setState(roomId, 'm.room.create', { creator: alice.userId })).status).toBe(403)
  })

  it('[C-053] [C-070] gives the creator 100 and everybody else 0', async () => {
    const roomId = await alice.createRoom()
    expect(await alice.state(roomId, 'm.room.power_levels')).toEqual({ [alice.userId]: 100, default: 0 })
  })

  it('[C-054] lets everybody into public rooms and the invited into private ones', async () => {
    const open = await alice.createRoom({ visibility: 'public' })
    expect(await alice.state(open, 'm.room.join_rules')).toEqual({ join_rule: 'public' })
    const closed = await alice.createRoom({ visibility: 'private' })
    expect(await alice.state(closed, 'm.room.join_rules')).toEqual({ join_rule: 'invite' })
  })

  it('[C-055] [C-056] [C-057] [X-03] [X-04] [E-013] has the levels of 2014 as state events', async () => {
    const roomId = await alice.createRoom()
    expect(await alice.state(roomId, 'm.room.add_state_level')).toEqual({ level: 50 })
    expect(await alice.state(roomId, 'm.room.send_event_level')).toEqual({ level: 0 })
    const ops = { ban_level: 50, kick_level: 50, redact_level: 50 }
    expect(await alice.state(roomId, 'm.room.ops_levels')).toEqual(ops)
    expect(await alice.state(roomId, 'm.room.ops_level')).toEqual(ops)
    const types = (await alice.allState(roomId)).map(({ type }) => type)
    const expected = ['m.room.power_levels', 'm.room.add_state_level', 'm.room.send_event_level', 'm.room.ops_levels']
    for (const type of expected) expect(types.filter((each) => each === type)).toHaveLength(1)
    expect(types).not.toContain('m.room.ops_level')
  })

  it('[C-058] joins the creator', async () => {
    const roomId = await alice.createRoom()
    expect(await alice.state(roomId, 'm.room.member', alice.userId)).toMatchObject({ membership: 'join' })
  })

  it('[E-001] [E-002] gives every state event an id of its own and the keys of 2014', async () => {
    const roomId = await alice.createRoom({ name: 'Keys', room_alias_name: 'keys' })
    const state = await alice.allState(roomId)
    for (const event of state) {
      expect(event).toMatchObject({
        event_id: expect.stringMatching(/^\$/) as unknown,
        type: expect.stringMatching(/^m\./) as unknown,
        user_id: alice.userId,
        room_id: roomId,
        state_key: expect.any(String) as unknown,
        content: expect.any(Object) as unknown,
      })
    }
    expect(new Set(state.map((event) => event.event_id)).size).toBe(state.length)
    const keys = state.map((event) => JSON.stringify([event.type, event.state_key]))
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('shows the same rooms to clients of today as they are', async () => {
    const roomId = await alice.createRoom()
    const headers = { authorization: `Bearer ${alice.accessToken}` }
    const today = (path: string) => server.anonymous.expect('GET', roomPath(roomId, path), { headers })
    const types = ((await today('state'))['list'] as unknown as JsonObject[]).map(({ type }) => type)
    expect(types).not.toContain('m.room.ops_levels')
    const { state } = (await today('initialSync')) as unknown as { state: JsonObject[] }
    expect(state.find(({ type }) => type === 'm.room.power_levels')).toMatchObject({ content: { users_default: 0 } })
    expect(state.map(({ type }) => type)).not.toContain('m.room.ops_levels')
  })
})
