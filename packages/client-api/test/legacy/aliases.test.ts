import { TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FoundingClient } from './founding-client.ts'

describe('aliases of the founding API', () => {
  let server: TestServer
  let alice: FoundingClient
  let bob: FoundingClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await FoundingClient.register(server, 'alice')
    bob = await FoundingClient.register(server, 'bob')
    roomId = await alice.createRoom({ visibility: 'public' })
    await bob.join(roomId)
  })
  afterAll(() => server.stop())

  const path = (alias: string): string => `directory/room/${encodeURIComponent(alias)}`
  const listed = async (room = roomId): Promise<unknown> => {
    const event = await alice.stateEvent(room, 'm.room.aliases', 'hearth.test')
    return event?.content['aliases']
  }

  it('[C-059] [C-066] [H-18] makes an alias, by which anybody finds the room', async () => {
    expect(await alice.put(path('#den:hearth.test'), { room_id: roomId })).toEqual({})
    const found = { room_id: roomId, servers: ['hearth.test'] }
    expect(await bob.get(path('#den:hearth.test'))).toEqual(found)
    const stranger = await FoundingClient.register(server, 'stranger')
    expect(await stranger.get(path('#den:hearth.test'))).toEqual(found)
  })

  it('[C-059] refuses a taken alias, an unknown room and a malformed alias', async () => {
    await alice.put(path('#taken:hearth.test'), { room_id: roomId })
    const again = await alice.request('PUT', path('#taken:hearth.test'), { body: { room_id: roomId } })
    expect(again).toMatchObject({ status: 409, body: { errcode: 'M_ROOM_IN_USE' } })
    expect(await alice.status('PUT', path('#lost:hearth.test'), { room_id: '!unknown:hearth.test' })).toBe(404)
    expect(await alice.status('PUT', path('nonsense'), { room_id: roomId })).toBe(400)
    expect(await alice.status('PUT', path('#no-room:hearth.test'), {})).toBe(400)
  })

  it('[C-060] [H-18] deletes an alias without a body', async () => {
    await alice.put(path('#brief:hearth.test'), { room_id: roomId })
    expect(await alice.expect('DELETE', path('#brief:hearth.test'))).toEqual({})
    const answer = await alice.request('GET', path('#brief:hearth.test'))
    expect(answer).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  it('[C-061] lets an alias be deleted by its maker and by who may change the room', async () => {
    await alice.put(path('#hers:hearth.test'), { room_id: roomId })
    const refused = await bob.request('DELETE', path('#hers:hearth.test'))
    expect(refused).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await alice.status('DELETE', path('#hers:hearth.test'))).toBe(200)
    await bob.put(path('#his:hearth.test'), { room_id: roomId })
    expect(await bob.status('DELETE', path('#his:hearth.test'))).toBe(200)
    await bob.put(path('#hers-too:hearth.test'), { room_id: roomId })
    expect(await alice.status('DELETE', path('#hers-too:hearth.test'))).toBe(200)
  })

  it('[C-061] lets an alias be deleted by an administrator of the server', async () => {
    await alice.put(path('#theirs:hearth.test'), { room_id: roomId })
    const admin = await FoundingClient.registerAdmin(server, 'admin')
    expect(await admin.status('DELETE', path('#theirs:hearth.test'))).toBe(200)
  })

  it('[C-062] [C-063] makes and deletes no aliases of other servers', async () => {
    expect(await alice.status('PUT', path('#x:elsewhere.test'), { room_id: roomId })).toBe(400)
    expect(await alice.status('DELETE', path('#x:elsewhere.test'))).toBe(400)
    const list = { aliases: ['#x:elsewhere.test'] }
    expect((await alice.setState(roomId, 'm.room.aliases', list, 'elsewhere.test')).status).toBe(403)
    expect((await alice.setState(roomId, 'm.room.aliases', list, 'hearth.test')).status).toBe(400)
  })

  it('[C-064] [E-014] lists the aliases of this server in an m.room.aliases event of the state', async () => {
    const room = await alice.createRoom()
    expect(await listed(room)).toBeUndefined()
    expect(
      await alice.request('GET', `rooms/${encodeURIComponent(room)}/state/m.room.aliases/hearth.test`),
    ).toMatchObject({ status: 404 })
    await alice.put(path('#b:hearth.test'), { room_id: room })
    await alice.put(path('#a:hearth.test'), { room_id: room })
    expect(await listed(room)).toEqual(['#a:hearth.test', '#b:hearth.test'])
    expect(await alice.state(room, 'm.room.aliases', 'hearth.test')).toEqual({
      aliases: ['#a:hearth.test', '#b:hearth.test'],
    })
    await alice.expect('DELETE', path('#a:hearth.test'))
    expect(await listed(room)).toEqual(['#b:hearth.test'])
    const { rooms } = (await alice.get('initialSync')) as unknown as {
      rooms: { room_id: string; state: { type: string; content: object }[] }[]
    }
    const state = rooms.find((each) => each.room_id === room)!.state
    expect(state).toContainEqual(
      expect.objectContaining({ type: 'm.room.aliases', content: { aliases: ['#b:hearth.test'] } }),
    )
  })

  it('[C-064] [E-014] makes and deletes aliases as m.room.aliases is set', async () => {
    const room = await alice.createRoom()
    const set = (client: FoundingClient, aliases: string[]) =>
      client.setState(room, 'm.room.aliases', { aliases }, 'hearth.test')
    expect(await set(alice, ['#one:hearth.test', '#two:hearth.test'])).toMatchObject({ status: 200 })
    expect((await bob.get(path('#one:hearth.test')))['room_id']).toBe(room)
    expect(await set(alice, ['#two:hearth.test', '#three:hearth.test'])).toMatchObject({ status: 200 })
    expect(await listed(room)).toEqual(['#three:hearth.test', '#two:hearth.test'])
    expect(await bob.status('GET', path('#one:hearth.test'))).toBe(404)
    expect((await set(bob, [])).status).toBe(403)
    expect((await set(alice, ['nonsense'])).status).toBe(400)
    expect((await set(alice, ['#den:hearth.test'])).status).toBe(400)
    expect(await listed(room)).toEqual(['#three:hearth.test', '#two:hearth.test'])
  })

  it('[C-065] gives the room that an alias belongs to now', async () => {
    const [first, second] = [await alice.createRoom(), await alice.createRoom()]
    await alice.put(path('#moving:hearth.test'), { room_id: first })
    await alice.expect('DELETE', path('#moving:hearth.test'))
    await alice.put(path('#moving:hearth.test'), { room_id: second })
    expect((await bob.get(path('#moving:hearth.test')))['room_id']).toBe(second)
    expect(await listed(first)).toBeUndefined()
    expect(await listed(second)).toEqual(['#moving:hearth.test'])
  })

  it('[C-065] [H-17] shows the aliases of a listed room', async () => {
    const { room_id: room } = await alice.post('createRoom', { visibility: 'public', room_alias_name: 'shown' })
    await expect
      .poll(async () => (await server.anonymous.get('/_matrix/client/api/v1/publicRooms'))['chunk'])
      .toContainEqual(expect.objectContaining({ room_id: room, aliases: ['#shown:hearth.test'] }))
  })

  it('[C-066] knows nothing of an unknown alias', async () => {
    const answer = await alice.request('GET', path('#nowhere:hearth.test'))
    expect(answer).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  it('[X-19] takes aliases in any script and any case', async () => {
    await alice.put(path('#кафе:hearth.test'), { room_id: roomId })
    expect((await bob.get(path('#кафе:hearth.test')))['room_id']).toBe(roomId)
    expect((await bob.get(path('#КАФЕ:hearth.test')))['room_id']).toBe(roomId)
  })
})
