import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let server: TestServer
let alice: TestClient
let room: string
let roomId: string

beforeAll(async () => {
  server = await TestServer.start()
  alice = await server.register('alice')
  roomId = await alice.createRoom()
  room = `rooms/${encodeURIComponent(roomId)}`
})

afterAll(() => server.stop())

async function set(type: string, content: unknown): Promise<unknown> {
  const { status, body } = await alice.request('PUT', `${room}/state/${type}`, { body: content })
  return status === 200 ? status : body['errcode']
}

describe('the content of events that the server interprets', () => {
  it.each([
    ['m.room.join_rules', {}],
    ['m.room.join_rules', { join_rule: 'whoever' }],
    ['m.room.history_visibility', { history_visibility: 'all' }],
    ['m.room.guest_access', { guest_access: true }],
    ['m.room.name', { name: 1 }],
    ['m.room.topic', { topic: [] }],
    ['m.room.server_acl', { allow: '*' }],
    ['m.room.encryption', {}],
    ['m.room.tombstone', { replacement_room: 'room' }],
    ['m.room.member/@alice:hearth.test', { membership: 'join', displayname: {} }],
    ['m.room.member/@alice:hearth.test', { membership: 'dance' }],
  ])('fits its schema: %s is not %j', async (type, content) => {
    expect(await set(type, content)).toBe('M_BAD_JSON')
  })

  it('fits its schema from the first event of a room on', async () => {
    for (const options of [
      { creation_content: { 'm.federate': 'no' } },
      { initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: [] } }] },
      { power_level_content_override: { users: { notauser: 1 } } },
    ]) {
      const answer = await alice.request('POST', 'createRoom', { body: options })
      expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    }
  })

  it('may have levels as strings in the room versions that had them', async () => {
    const create = (version: string) =>
      alice.request('POST', 'createRoom', {
        body: { room_version: version, power_level_content_override: { events: { 'com.example': '10' } } },
      })
    expect((await create('9')).status).toBe(200)
    expect(await create('10')).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
  })
})

describe('m.room.canonical_alias', () => {
  it('names aliases of the room', async () => {
    const [own, other] = ['#own:hearth.test', '#other:hearth.test']
    await alice.put(`directory/room/${encodeURIComponent(own)}`, { room_id: roomId })
    await alice.put(`directory/room/${encodeURIComponent(other)}`, { room_id: await alice.createRoom() })
    expect(await set('m.room.canonical_alias', { alias: own, alt_aliases: [own] })).toBe(200)
    expect(await set('m.room.canonical_alias', { alias: other })).toBe('M_BAD_ALIAS')
    expect(await set('m.room.canonical_alias', { alias: own, alt_aliases: [other] })).toBe('M_BAD_ALIAS')
    expect(await set('m.room.canonical_alias', { alias: '#nowhere:hearth.test' })).toBe('M_BAD_ALIAS')
    expect(await set('m.room.canonical_alias', { alias: '#elsewhere:example.org' })).toBe('M_BAD_ALIAS')
    expect(await set('m.room.canonical_alias', { alias: 'own' })).toBe('M_INVALID_PARAM')
    expect(await set('m.room.canonical_alias', { alias: 1 })).toBe('M_BAD_JSON')
  })

  it('keeps an alias that it had, though it is gone by now', async () => {
    const old = '#old:hearth.test'
    // Who made it takes it back, but may not say what the room is called.
    const bob = await server.register('bob')
    await alice.invite(roomId, bob.userId)
    await bob.join(roomId)
    await bob.put(`directory/room/${encodeURIComponent(old)}`, { room_id: roomId })
    expect(await set('m.room.canonical_alias', { alias: old })).toBe(200)
    await bob.expect('DELETE', `directory/room/${encodeURIComponent(old)}`)
    expect(await set('m.room.canonical_alias', { alias: old, alt_aliases: [] })).toBe(200)
    expect(await set('m.room.canonical_alias', {})).toBe(200)
    expect(await set('m.room.canonical_alias', { alias: old })).toBe('M_BAD_ALIAS')
  })
})
