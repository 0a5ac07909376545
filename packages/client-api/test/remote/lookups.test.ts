import { FakeNetwork, FakePeer, TestCa, TestServer, type TestClient } from '@hearth/test-kit'
import type { JsonObject } from '@hearth/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ids = (value: string): string => encodeURIComponent(value)
const summary = (roomId: string, more: JsonObject = {}): JsonObject => ({
  room_id: roomId,
  num_joined_members: 3,
  world_readable: false,
  guest_can_join: false,
  join_rule: 'public',
  ...more,
})

describe('asking other servers for clients', () => {
  let network: FakeNetwork
  let peer: FakePeer
  let server: TestServer
  let alice: TestClient

  beforeAll(async () => {
    const ca = await TestCa.create()
    network = new FakeNetwork()
    peer = await FakePeer.start({ ca, network, name: 'peer.test' })
    server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
    alice = await server.register('alice')
  })
  afterAll(async () => {
    await server.stop()
    await peer[Symbol.asyncDispose]()
  })

  describe('GET /directory/room', () => {
    const resolve = (alias: string) => server.anonymous.request('GET', `directory/room/${ids(alias)}`)

    it('[C-067] asks the server of an alias, and adds that server to those that it names', async () => {
      peer.on('GET', '/_matrix/federation/v1/query/directory', ({ query }) =>
        query.get('room_alias') === '#☕:peer.test'
          ? { room_id: '!r:peer.test', servers: ['a.test', 'not a name'] }
          : [404, {}],
      )
      expect(await resolve('#☕:peer.test')).toMatchObject({
        status: 200,
        body: { room_id: '!r:peer.test', servers: ['a.test', 'peer.test'] },
      })
      const founding = `/_matrix/client/api/v1/directory/room/${ids('#☕:peer.test')}`
      expect(await server.anonymous.request('GET', founding)).toMatchObject({
        status: 200,
        body: { room_id: '!r:peer.test', servers: ['a.test', 'peer.test'] },
      })
    })

    it('[C-067] says where there is no such alias', async () => {
      expect(await resolve('#none:peer.test')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    })

    it('asks once when many want to know at a time, and for a while after', async () => {
      peer.on('GET', '/_matrix/federation/v1/query/directory', async ({ query }) => {
        await new Promise((done) => setTimeout(done, 50))
        return { room_id: '!often:peer.test', servers: [query.get('room_alias') ?? ''] }
      })
      const before = peer.requestsTo(/directory/).length
      const answers = await Promise.all(Array.from({ length: 10 }, () => resolve('#often:peer.test')))
      answers.push(await resolve('#often:peer.test'))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
      expect(peer.requestsTo(/directory/).length).toBe(before + 1)
    })

    it('answers 502 for a server that cannot be reached, and does not try again at once', async () => {
      expect(await resolve('#x:unreachable.test')).toMatchObject({ status: 502, body: { errcode: 'M_UNKNOWN' } })
      const tried = network.lookups.length
      expect((await resolve('#x:unreachable.test')).status).toBe(502)
      expect(network.lookups.length).toBe(tried)
    })

    it('answers 502 for a server that answers with something else', async () => {
      peer.on('GET', '/_matrix/federation/v1/query/directory', () => ({ room_id: 5, servers: {} }))
      expect((await resolve('#garbage:peer.test')).status).toBe(502)
    })
  })

  describe('GET /profile', () => {
    const profile = (userId: string, field = '') => server.anonymous.request('GET', `profile/${ids(userId)}${field}`)

    it('asks the server of a user, and hands on what could be a profile', async () => {
      peer.on('GET', '/_matrix/federation/v1/query/profile', ({ query }) =>
        query.get('user_id') === '@bob:peer.test'
          ? { displayname: 'Bob', avatar_url: 5, 'org.example.mood': { calm: true }, 'Not A Field': 1 }
          : [404, { errcode: 'M_NOT_FOUND' }],
      )
      const all = await profile('@bob:peer.test')
      expect(all.body).toEqual({ displayname: 'Bob', 'org.example.mood': { calm: true } })
      expect((await profile('@bob:peer.test', '/displayname')).body).toEqual({ displayname: 'Bob' })
      expect((await profile('@bob:peer.test', '/avatar_url')).body).toEqual({})
      expect(peer.requestsTo(/query\/profile/).length).toBe(1)
    })

    it('tells an unknown user from a server that is away', async () => {
      expect((await profile('@nobody:peer.test')).status).toBe(404)
      expect((await profile('@bob:away.test')).status).toBe(502)
    })
  })

  describe('publicRooms of another server', () => {
    const listed = [
      summary('!a:peer.test', { name: 'A', aliases: ['#a:peer.test', 7], topic: 'of\0 rooms', evil: '<script>' }),
      { name: 'no room id' },
    ]

    it('passes on what is asked for, and shows what a list may have', async () => {
      peer.on('POST', '/_matrix/federation/v1/publicRooms', () => ({
        chunk: listed,
        next_batch: 'next',
        total_room_count_estimate: 9,
      }))
      const body = { limit: 5, since: 'here', filter: { generic_search_term: 'a', room_types: [null, 'm.space'] } }
      const page = await alice.request('POST', 'publicRooms', { query: { server: 'peer.test' }, body })
      expect(page).toMatchObject({
        status: 200,
        body: {
          chunk: [{ ...summary('!a:peer.test'), name: 'A', aliases: ['#a:peer.test'], topic: 'of rooms' }],
          next_batch: 'next',
          total_room_count_estimate: 9,
        },
      })
      expect(JSON.stringify(page.body)).not.toContain('evil')
      const asked = peer.requestsTo(/publicRooms/).at(-1)!
      expect(asked.body).toEqual(body)
    })

    it('is for users alone', async () => {
      peer.on('GET', '/_matrix/federation/v1/publicRooms', () => ({ chunk: [] }))
      const query = { server: 'peer.test', limit: 2 }
      expect((await server.anonymous.request('GET', 'publicRooms', { query })).status).toBe(401)
      expect(await alice.get('publicRooms', query)).toEqual({ chunk: [], total_room_count_estimate: 0 })
      expect(
        peer
          .requestsTo(/publicRooms/)
          .at(-1)!
          .query.get('limit'),
      ).toBe('2')
    })

    it('is 502 where the server is away', async () => {
      const answer = await alice.request('GET', 'publicRooms', { query: { server: 'away.test' } })
      expect(answer).toMatchObject({ status: 502, body: { errcode: 'M_UNKNOWN' } })
    })
  })

  describe('rooms that nobody here is in', () => {
    const children = ['!room:peer.test', '!secret:peer.test', '!sub:peer.test', '!elsewhere:peer.test']
    const child = (roomId: string, via: readonly string[] = ['peer.test']): JsonObject => ({
      type: 'm.space.child',
      state_key: roomId,
      content: { via: [...via], order: String(children.indexOf(roomId)) },
      sender: '@bob:peer.test',
      origin_server_ts: 1,
    })

    beforeAll(() => {
      peer.on('GET', /\/hierarchy\//, ({ path }) => {
        const roomId = decodeURIComponent(path.split('/').at(-1)!)
        if (roomId === '!space:peer.test') {
          return {
            room: { ...summary(roomId, { room_type: 'm.space' }), children_state: children.map((id) => child(id)) },
            children: [
              summary('!room:peer.test', { name: 'A room' }),
              summary('!sub:peer.test', { room_type: 'm.space' }),
              summary('!stranger:peer.test'),
            ],
            inaccessible_children: ['!secret:peer.test'],
          }
        }
        if (roomId === '!sub:peer.test') {
          return { room: { ...summary(roomId, { room_type: 'm.space' }), children_state: [] }, children: [] }
        }
        if (roomId === '!private:peer.test') return { room: summary(roomId, { join_rule: 'invite' }), children: [] }
        return [404, { errcode: 'M_NOT_FOUND' }]
      })
    })

    it('are walked through as their servers describe them', async () => {
      const root = await alice.createRoom({ creation_content: { type: 'm.space' } })
      await alice.setState(root, 'm.space.child', { via: ['peer.test'] }, '!space:peer.test')
      const page = (await alice.get(`/_matrix/client/v1/rooms/${ids(root)}/hierarchy`)) as { rooms: JsonObject[] }
      expect(page.rooms.map((room) => room['room_id'])).toEqual([
        root,
        '!space:peer.test',
        '!room:peer.test',
        '!sub:peer.test',
      ])
      expect(page.rooms[2]).toMatchObject({ name: 'A room', children_state: [] })
      expect((page.rooms[1] as { children_state: JsonObject[] }).children_state[0]).toEqual(child('!room:peer.test'))
      // What the space's server has said of its rooms is not asked again.
      expect(peer.requestsTo(/hierarchy\/!?(%21)?room/).length).toBe(0)
    })

    it('can be the first room of a walk, if its id names a server that tells', async () => {
      const page = await alice.get(`/_matrix/client/v1/rooms/${ids('!space:peer.test')}/hierarchy`, { limit: 1 })
      expect(page).toMatchObject({ rooms: [{ room_id: '!space:peer.test' }] })
      const unknown = await alice.request('GET', `/_matrix/client/v1/rooms/${ids('!none:peer.test')}/hierarchy`)
      expect(unknown).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    })

    it('have a summary for users, through the servers that they name', async () => {
      const path = (roomId: string): string => `/_matrix/client/v1/room_summary/${ids(roomId)}`
      const query = { via: 'peer.test' }
      expect(await alice.get(path('!sub:peer.test'), query)).toMatchObject({
        room_id: '!sub:peer.test',
        room_type: 'm.space',
        membership: 'leave',
      })
      expect((await alice.request('GET', path('!private:peer.test'), { query })).status).toBe(404)
      expect((await server.anonymous.request('GET', path('!sub:peer.test'), { query })).status).toBe(404)
    })
  })
})
