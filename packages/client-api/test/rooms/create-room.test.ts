import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('POST /createRoom', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())

  const state = (client: TestClient, roomId: string, type: string, key = ''): Promise<JsonObject> =>
    client.get(`rooms/${encodeURIComponent(roomId)}/state/${type}/${encodeURIComponent(key)}`)

  it('[C-044] creates a room without any options', async () => {
    const answer = await alice.request('POST', 'createRoom', { body: {} })
    expect(answer.status).toBe(200)
    expect(answer.body['room_id']).toMatch(/^!/)
  })

  it('[C-044] takes an empty body for no options', async () => {
    expect((await alice.request('POST', 'createRoom')).status).toBe(200)
  })

  it('[C-052] begins with the create event, which gives a version 12 room its id', async () => {
    const roomId = await alice.createRoom()
    const { chunk } = (await alice.get(`rooms/${encodeURIComponent(roomId)}/messages`, { dir: 'f', limit: 1 })) as {
      chunk: { type: string; event_id: string; sender: string; content: JsonObject }[]
    }
    expect(chunk[0]).toMatchObject({ type: 'm.room.create', sender: alice.userId, content: { room_version: '12' } })
    expect(`!${chunk[0]!.event_id.slice(1)}`).toBe(roomId)
  })

  it.each(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'])(
    'creates a room of version %s in which people talk',
    async (version) => {
      const roomId = await alice.createRoom({ room_version: version, preset: 'public_chat' })
      await bob.join(roomId)
      const eventId = await bob.sendText(roomId, 'hello')
      const event = await alice.get(`rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(eventId)}`)
      expect(event).toMatchObject({ sender: bob.userId, room_id: roomId, content: { body: 'hello' } })
      expect(await state(alice, roomId, 'm.room.create')).toMatchObject({ room_version: version })
      if (Number(version) < 11) expect(await state(alice, roomId, 'm.room.create')).toHaveProperty('creator')
    },
  )

  it('refuses an unknown room version', async () => {
    const answer = await alice.request('POST', 'createRoom', { body: { room_version: '99' } })
    expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_UNSUPPORTED_ROOM_VERSION' } })
  })

  it('[C-045] [C-046] lists a public room, and no room unless asked to', async () => {
    const listed = await alice.createRoom({ visibility: 'public', name: 'The agora' })
    const hidden = await alice.createRoom({})
    await expect
      .poll(async () => {
        const { chunk } = (await server.anonymous.get('publicRooms')) as { chunk: { room_id: string }[] }
        return chunk.map(({ room_id: roomId }) => roomId)
      })
      .toContain(listed)
    const { chunk } = (await server.anonymous.get('publicRooms')) as { chunk: JsonObject[] }
    expect(chunk).toContainEqual(
      expect.objectContaining({ room_id: listed, name: 'The agora', num_joined_members: 1, join_rule: 'public' }),
    )
    expect(chunk.map((room) => room['room_id'])).not.toContain(hidden)
    expect(await state(alice, hidden, 'm.room.join_rules')).toEqual({ join_rule: 'invite' })
  })

  it('[C-047] refuses other values of visibility', async () => {
    const answer = await alice.request('POST', 'createRoom', { body: { visibility: 'x' } })
    expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
  })

  it('[C-048] gives the room an alias, and refuses one that is taken', async () => {
    const answer = await alice.post('createRoom', { room_alias_name: 'thepub' })
    expect(answer['room_alias']).toBe('#thepub:hearth.test')
    const alias = encodeURIComponent('#thepub:hearth.test')
    expect(await server.anonymous.get(`directory/room/${alias}`)).toEqual({
      room_id: answer['room_id'],
      servers: ['hearth.test'],
    })
    const again = await bob.request('POST', 'createRoom', { body: { room_alias_name: 'ThePub' } })
    expect(again).toMatchObject({ status: 400, body: { errcode: 'M_ROOM_IN_USE' } })
    expect(await state(alice, answer['room_id'] as string, 'm.room.canonical_alias')).toEqual({
      alias: '#thepub:hearth.test',
    })
  })

  it('[C-049] [C-050] sets name and topic', async () => {
    const roomId = await alice.createRoom({ name: 'Name', topic: 'Topic' })
    expect(await state(alice, roomId, 'm.room.name')).toEqual({ name: 'Name' })
    expect(await state(alice, roomId, 'm.room.topic')).toMatchObject({ topic: 'Topic' })
  })

  it('[C-051] invites everyone in the list, and makes no room when one of them cannot be', async () => {
    const roomId = await alice.createRoom({ invite: [bob.userId], is_direct: true })
    expect(await state(alice, roomId, 'm.room.member', bob.userId)).toEqual({ membership: 'invite', is_direct: true })
    const before = (await alice.get('joined_rooms'))['joined_rooms'] as string[]
    const answer = await alice.request('POST', 'createRoom', { body: { invite: ['bob'] } })
    expect(answer).toMatchObject({ status: 400 })
    expect((await alice.get('joined_rooms'))['joined_rooms']).toHaveLength(before.length)
  })

  it('[C-058] joins the creator', async () => {
    const roomId = await alice.createRoom({})
    expect(await state(alice, roomId, 'm.room.member', alice.userId)).toEqual({ membership: 'join' })
  })

  it('gives those invited to a trusted private chat the same power', async () => {
    const old = await alice.createRoom({ preset: 'trusted_private_chat', invite: [bob.userId], room_version: '11' })
    expect(await state(alice, old, 'm.room.power_levels')).toMatchObject({
      users: { [alice.userId]: 100, [bob.userId]: 100 },
    })
    const now = await alice.createRoom({ preset: 'trusted_private_chat', invite: [bob.userId] })
    expect(await state(alice, now, 'm.room.create')).toMatchObject({ additional_creators: [bob.userId] })
  })

  it('applies initial state over the preset and power levels over the defaults', async () => {
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
      power_level_content_override: { events_default: 10 },
      creation_content: { type: 'm.space', 'm.federate': false, room_version: '1', creator: '@mallory:hearth.test' },
    })
    expect(await state(alice, roomId, 'm.room.history_visibility')).toEqual({ history_visibility: 'joined' })
    expect(await state(alice, roomId, 'm.room.power_levels')).toMatchObject({ events_default: 10 })
    expect(await state(alice, roomId, 'm.room.create')).toEqual({
      type: 'm.space',
      'm.federate': false,
      room_version: '12',
    })
  })

  it.each([
    [{}, 150],
    [{ state_default: 200 }, 201],
    [{ events: { 'm.room.name': 0 } }, 150],
    [{ events: { 'm.room.tombstone': 10 } }, 150],
    [{ events: { 'm.room.tombstone': 60 } }, 60],
  ])('in version 12, with %j, asks for more than setting state to close the room', async (override, expected) => {
    const roomId = await alice.createRoom({ power_level_content_override: override })
    expect(await state(alice, roomId, 'm.room.power_levels')).toMatchObject({
      events: { 'm.room.tombstone': expected },
    })
  })

  it('[SEC-246] refuses power levels that name a creator of a version 12 room', async () => {
    const answer = await alice.request('POST', 'createRoom', {
      body: { power_level_content_override: { users: { [alice.userId]: 100 } } },
    })
    expect(answer.status).toBe(400)
  })
})
