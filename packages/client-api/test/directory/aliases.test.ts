import { statementsOf, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('room aliases', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let stranger: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
    stranger = await server.register('stranger')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })
  afterAll(() => server.stop())

  const path = (alias: string): string => `directory/room/${encodeURIComponent(alias)}`
  const name = (client: TestClient, alias: string, room = roomId) =>
    client.request('PUT', path(alias), { body: { room_id: room } })
  const canonical = (room: string): string => `rooms/${encodeURIComponent(room)}/state/m.room.canonical_alias`

  it('[C-059] [C-066] names a room, which anybody finds by the name and is told the servers of', async () => {
    expect(await name(bob, '##☕:hearth.test')).toMatchObject({ status: 200, body: {} })
    const found = await server.anonymous.get(path('##☕:hearth.test'))
    expect(found).toEqual({ room_id: roomId, servers: ['hearth.test'] })
  })

  it('[C-066] knows how to join a room that everybody has left', async () => {
    const deserted = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'deserted' })
    await alice.leave(deserted)
    expect(await bob.get(path('#deserted:hearth.test'))).toEqual({ room_id: deserted, servers: ['hearth.test'] })
  })

  it('[C-059] lets nobody name a room that they are not in', async () => {
    expect(await name(stranger, '#not-mine:hearth.test')).toMatchObject({
      status: 403,
      body: { errcode: 'M_FORBIDDEN' },
    })
    expect((await server.anonymous.request('GET', path('#not-mine:hearth.test'))).status).toBe(404)
  })

  it.each([
    'no-sigil:hearth.test',
    '#:hearth.test',
    '#no-server',
    `#${'x'.repeat(250)}:hearth.test`,
    '#n\0ul:hearth.test',
  ])('[C-059] refuses the malformed alias %j', async (alias) => {
    expect(await name(alice, alias)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  })

  it('[C-05] [C-061] re-points and deletes no alias of others', async () => {
    await name(alice, '#admins:hearth.test')
    const mine = await bob.createRoom()
    expect(await name(bob, '#admins:hearth.test', mine)).toMatchObject({ status: 409 })
    expect(await bob.request('DELETE', path('#admins:hearth.test'))).toMatchObject({
      status: 403,
      body: { errcode: 'M_FORBIDDEN' },
    })
    expect((await bob.get(path('#admins:hearth.test')))['room_id']).toBe(roomId)
  })

  it('[C-060] [C-061] lets its maker delete an alias, and those who may name the room', async () => {
    await name(bob, '#his:hearth.test')
    expect((await bob.request('DELETE', path('#his:hearth.test'), { body: {} })).status).toBe(200)
    await name(bob, '#hers:hearth.test')
    expect((await alice.request('DELETE', path('#hers:hearth.test'))).status).toBe(200)
    const gone = await alice.request('DELETE', path('#hers:hearth.test'))
    expect(gone).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  it('takes an alias that is deleted out of the canonical ones', async () => {
    const room = await alice.createRoom({ room_alias_name: 'main' })
    await name(alice, '#other:hearth.test', room)
    await name(alice, '#third:hearth.test', room)
    const aliases = { alias: '#main:hearth.test', alt_aliases: ['#other:hearth.test', '#third:hearth.test'], kept: 1 }
    await alice.setState(room, 'm.room.canonical_alias', aliases)
    await alice.expect('DELETE', path('#OTHER:hearth.test'))
    expect(await alice.get(canonical(room))).toEqual({ ...aliases, alt_aliases: ['#third:hearth.test'] })
    await alice.expect('DELETE', path('#main:hearth.test'))
    expect(await alice.get(canonical(room))).toEqual({ alt_aliases: ['#third:hearth.test'], kept: 1 })
    await alice.expect('DELETE', path('#third:hearth.test'))
    expect(await alice.get(canonical(room))).toEqual({ kept: 1 })
  })

  it('lets the maker of a canonical alias delete it who may not change the event', async () => {
    await name(bob, '#bobs:hearth.test')
    await alice.setState(roomId, 'm.room.canonical_alias', { alias: '#bobs:hearth.test' })
    expect((await bob.request('DELETE', path('#bobs:hearth.test'))).status).toBe(200)
    expect(await alice.get(canonical(roomId))).toEqual({ alias: '#bobs:hearth.test' })
    expect((await alice.request('GET', path('#bobs:hearth.test'))).status).toBe(404)
  })

  describe('m.room.canonical_alias', () => {
    const send = (room: string, content: unknown) => alice.request('PUT', canonical(room), { body: content })

    it('takes aliases of the room, also none', async () => {
      const room = await alice.createRoom({ room_alias_name: 'canon' })
      expect((await send(room, { alias: '#canon:hearth.test', alt_aliases: ['#Canon:hearth.test'] })).status).toBe(200)
      expect((await send(room, { alias: null })).status).toBe(200)
      expect((await send(room, { alias: '' })).status).toBe(200)
      expect((await send(room, {})).status).toBe(200)
    })

    it.each([
      ['#unknown:hearth.test', 'M_BAD_ALIAS'],
      ['#elsewhere:other.test', 'M_BAD_ALIAS'],
      ['%nonsense:hearth.test', 'M_INVALID_PARAM'],
    ])('refuses %s with %s, as the main one and as another', async (alias, errcode) => {
      const room = await alice.createRoom()
      expect(await send(room, { alias })).toMatchObject({ status: 400, body: { errcode } })
      expect(await send(room, { alt_aliases: [alias] })).toMatchObject({ status: 400, body: { errcode } })
    })

    it('refuses an alias of another room, and what is no list of texts', async () => {
      await alice.createRoom({ room_alias_name: 'another' })
      const room = await alice.createRoom()
      const answer = await send(room, { alt_aliases: ['#another:hearth.test'] })
      expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_BAD_ALIAS' } })
      expect(await send(room, { alt_aliases: [1] })).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    })

    it('checks only those that are new', async () => {
      const room = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'old' })
      await bob.join(room)
      await name(bob, '#passing:hearth.test', room)
      await alice.setState(room, 'm.room.canonical_alias', { alias: '#passing:hearth.test' })
      await bob.expect('DELETE', path('#passing:hearth.test'))
      const content = { alias: '#old:hearth.test', alt_aliases: ['#passing:hearth.test'] }
      expect((await send(room, content)).status).toBe(200)
      expect((await send(room, { alias: '#old:hearth.test' })).status).toBe(200)
      expect(await send(room, content)).toMatchObject({ status: 400, body: { errcode: 'M_BAD_ALIAS' } })
    })

    it('looks up a flood of aliases at once', async () => {
      const room = await alice.createRoom()
      const flood = Array.from({ length: 2_000 }, (_, n) => `#flood-${n}:hearth.test`)
      const statements = await statementsOf(server, async () => {
        expect((await send(room, { alt_aliases: flood })).status).toBe(400)
      })
      expect(statements.length).toBeLessThan(10)
    })
  })

  describe('GET /rooms/{roomId}/aliases', () => {
    const list = (client: TestClient, room: string) =>
      client.request('GET', `rooms/${encodeURIComponent(room)}/aliases`)

    it('lists the aliases of this server to members', async () => {
      const room = await alice.createRoom()
      expect((await list(alice, room)).body).toEqual({ aliases: [] })
      await name(alice, '#listed:hearth.test', room)
      expect((await list(alice, room)).body).toEqual({ aliases: ['#listed:hearth.test'] })
    })

    it('[S-42] lists none to those who are not in the room, or not any longer', async () => {
      const room = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'private-name' })
      expect(await list(stranger, room)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
      await bob.join(room)
      expect((await list(bob, room)).status).toBe(200)
      await bob.leave(room)
      expect((await list(bob, room)).status).toBe(403)
      expect((await list(alice, '!unknown:hearth.test')).status).toBe(404)
    })

    it('lists those of a world-readable room to all', async () => {
      const room = await alice.createRoom({ room_alias_name: 'open' })
      await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'world_readable' })
      expect((await list(stranger, room)).body).toEqual({ aliases: ['#open:hearth.test'] })
    })
  })

  it('sets a bound to the aliases of one user', async () => {
    const hoarder = await server.register('hoarder')
    const room = await hoarder.createRoom()
    const { store } = server
    const creatorNid = (await store.users.find(hoarder.userId as never))!
    const roomNid = (await store.rooms.find(room as never))!.nid
    await store.database.execute(
      null,
      `insert into room_aliases (alias, folded, room_nid, creator_nid, created_ts)
         select '#hoard' || n || ':hearth.test', '#hoard' || n || ':hearth.test', $1, $2, 0
           from generate_series(1, 1000) n`,
      [roomNid, creatorNid],
    )
    const refused = await name(hoarder, '#one-more:hearth.test', room)
    expect(refused).toMatchObject({ status: 403, body: { errcode: 'M_USER_LIMIT_EXCEEDED' } })
    const created = await hoarder.request('POST', 'createRoom', { body: { room_alias_name: 'one-more' } })
    expect(created).toMatchObject({ status: 403, body: { errcode: 'M_USER_LIMIT_EXCEEDED' } })
    expect((await hoarder.get('joined_rooms'))['joined_rooms']).toEqual([room])
    await hoarder.expect('DELETE', path('#hoard1:hearth.test'))
    expect((await name(hoarder, '#one-more:hearth.test', room)).status).toBe(200)
  })
})
