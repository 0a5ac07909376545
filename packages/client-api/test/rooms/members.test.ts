import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('the members of a room', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let carol: TestClient
  let roomId: string
  let path: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
    carol = await server.register('carol')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    path = `rooms/${encodeURIComponent(roomId)}/members`
  })

  const members = async (client: TestClient, query: Record<string, string> = {}) => {
    const { chunk } = (await client.get(path, query)) as unknown as {
      chunk: { state_key: string; content: JsonObject }[]
    }
    return Object.fromEntries(chunk.map(({ state_key: key, content }) => [key, content['membership']]))
  }

  it('are all who ever had a membership, as whole events', async () => {
    await bob.join(roomId)
    await bob.leave(roomId)
    await alice.invite(roomId, carol.userId)
    expect(await members(alice)).toEqual({
      [alice.userId]: 'join',
      [bob.userId]: 'leave',
      [carol.userId]: 'invite',
    })
    const { chunk } = await alice.get(path)
    expect((chunk as JsonObject[])[0]).toMatchObject({
      type: 'm.room.member',
      room_id: roomId,
      sender: expect.any(String) as unknown,
      event_id: expect.any(String) as unknown,
      origin_server_ts: expect.any(Number) as unknown,
    })
  })

  it('can be chosen by their membership', async () => {
    await bob.join(roomId)
    await alice.invite(roomId, carol.userId)
    expect(await members(alice, { membership: 'join' })).toEqual({ [alice.userId]: 'join', [bob.userId]: 'join' })
    expect(await members(alice, { not_membership: 'join' })).toEqual({ [carol.userId]: 'invite' })
    expect(await members(alice, { membership: 'join', not_membership: 'join' })).toEqual({})
    expect(await alice.request('GET', path, { query: { membership: 'guest' } })).toMatchObject({ status: 400 })
  })

  it('can be those of an earlier time', async () => {
    await bob.join(roomId)
    const { next_batch: at } = await alice.sync()
    await carol.join(roomId)
    await bob.leave(roomId)
    expect(await members(alice, { at })).toEqual({ [alice.userId]: 'join', [bob.userId]: 'join' })
    expect(await members(alice, { at, not_membership: 'join' })).toEqual({})
    expect(await alice.request('GET', path, { query: { at: 'nonsense' } })).toMatchObject({ status: 400 })
  })

  it('can be those of the beginning of a timeline', async () => {
    await bob.join(roomId)
    await alice.sendText(roomId, 'hello')
    const filter = JSON.stringify({ room: { timeline: { limit: 1 } } })
    const at = (await alice.sync({ filter })).rooms!.join![roomId]!.timeline.prev_batch
    await carol.join(roomId)
    expect(await members(alice, { at })).toEqual({ [alice.userId]: 'join', [bob.userId]: 'join' })
  })

  it('[S-42] are for former members those of when they left, whatever time they ask for', async () => {
    await bob.join(roomId)
    await bob.leave(roomId)
    await carol.join(roomId)
    const { next_batch: at } = await alice.sync()
    const seen = { [alice.userId]: 'join', [bob.userId]: 'leave' }
    expect(await members(bob)).toEqual(seen)
    expect(await members(bob, { at })).toEqual(seen)
  })

  it('[S-42] are told with their names to those who are joined, not to others', async () => {
    const joined = `rooms/${encodeURIComponent(roomId)}/joined_members`
    await bob.join(roomId)
    await bob.setState(roomId, 'm.room.member', { membership: 'join', displayname: 'Bobby' }, bob.userId)
    expect(await alice.get(joined)).toEqual({
      joined: {
        [alice.userId]: { display_name: null, avatar_url: null },
        [bob.userId]: { display_name: 'Bobby', avatar_url: null },
      },
    })
    await alice.invite(roomId, carol.userId)
    expect(await carol.request('GET', joined)).toMatchObject({ status: 403 })
    await bob.leave(roomId)
    expect(await bob.request('GET', joined)).toMatchObject({ status: 403 })
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' })
    expect(await carol.request('GET', joined)).toMatchObject({ status: 403 })
    expect(await members(carol)).toMatchObject({ [alice.userId]: 'join' })
  })
})
