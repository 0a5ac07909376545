import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('rooms that let the members of other rooms in', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let carol: TestClient
  let space: string
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
    carol = await server.register('carol')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    space = await alice.createRoom({ preset: 'public_chat' })
    roomId = await alice.createRoom({ preset: 'private_chat' })
    await alice.setState(roomId, 'm.room.join_rules', restrictedTo(space))
  })

  const restrictedTo = (room: string, rule = 'restricted') => ({
    join_rule: rule,
    allow: [{ type: 'm.room_membership', room_id: room, via: ['hearth.test'] }],
  })
  const join = (client: TestClient, body: object = {}, room = roomId): Promise<TestAnswer> =>
    client.request('POST', `join/${encodeURIComponent(room)}`, { body })
  const member = (userId: string, room = roomId) =>
    alice.get(`rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(userId)}`)
  const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } }

  it('lets a member of an allowed room in, vouched for by a member who may invite', async () => {
    await bob.join(space)
    expect(await join(bob)).toMatchObject({ status: 200, body: { room_id: roomId } })
    expect(await member(bob.userId)).toEqual({
      membership: 'join',
      join_authorised_via_users_server: alice.userId,
    })
    // A change of one's own membership while joined needs nobody.
    await bob.setState(roomId, 'm.room.member', { membership: 'join', displayname: 'Bob' }, bob.userId)
    expect(await member(bob.userId)).toEqual({ membership: 'join', displayname: 'Bob' })
  })

  it('refuses those who are in none of them, or no longer', async () => {
    expect(await join(bob)).toMatchObject(forbidden)
    await alice.invite(space, bob.userId)
    expect(await join(bob)).toMatchObject(forbidden)
    await bob.join(space)
    await bob.leave(space)
    expect(await join(bob)).toMatchObject(forbidden)
  })

  it('lets the invited in without further conditions', async () => {
    await alice.invite(roomId, bob.userId)
    expect(await join(bob)).toMatchObject({ status: 200 })
    expect(await member(bob.userId)).toEqual({ membership: 'join' })
  })

  it('[SEC-37] keeps the banned out whatever they are members of', async () => {
    await bob.join(space)
    await alice.post(`rooms/${encodeURIComponent(roomId)}/ban`, { user_id: bob.userId })
    expect(await join(bob)).toMatchObject(forbidden)
  })

  it('does not let a user say who vouches for them', async () => {
    const claim = { join_authorised_via_users_server: alice.userId }
    expect(await join(bob, claim)).toMatchObject(forbidden)
    const path = `rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(bob.userId)}`
    expect(await bob.request('PUT', path, { body: { membership: 'join', ...claim } })).toMatchObject(forbidden)
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'public' })
    expect(await join(bob, { join_authorised_via_users_server: '@eve:elsewhere.test' })).toMatchObject({ status: 200 })
    expect(await member(bob.userId)).toEqual({ membership: 'join' })
  })

  it('finds another who may invite when the first has left, and refuses when nobody may', async () => {
    await alice.setState(roomId, 'm.room.power_levels', { invite: 50, users: { [bob.userId]: 50 } })
    await bob.join(space)
    await join(bob)
    await alice.leave(roomId)
    await carol.join(space)
    expect(await join(carol)).toMatchObject({ status: 200 })
    const content = await bob.get(
      `rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(carol.userId)}`,
    )
    expect(content['join_authorised_via_users_server']).toBe(bob.userId)
    await bob.leave(roomId)
    await carol.leave(roomId)
    expect(await join(carol)).toMatchObject(forbidden)
  })

  it('takes anybody as authoriser where anybody may invite', async () => {
    await bob.join(space)
    await join(bob)
    await alice.leave(roomId)
    await carol.join(space)
    expect(await join(carol)).toMatchObject({ status: 200 })
  })

  it('with knock_restricted, lets members in and others knock', async () => {
    await alice.setState(roomId, 'm.room.join_rules', restrictedTo(space, 'knock_restricted'))
    expect(await join(bob)).toMatchObject(forbidden)
    expect(await bob.request('POST', `knock/${encodeURIComponent(roomId)}`)).toMatchObject({ status: 200 })
    await bob.join(space)
    expect(await join(bob)).toMatchObject({ status: 200 })
  })

  it('is not a way in where the room version does not know the rule', async () => {
    const old = await alice.createRoom({ room_version: '7' })
    await alice.setState(old, 'm.room.join_rules', restrictedTo(space))
    await bob.join(space)
    expect(await join(bob, {}, old)).toMatchObject(forbidden)
  })

  it.each([
    ['no list', { join_rule: 'restricted' }],
    ['no list but a text', { join_rule: 'restricted', allow: 'all' }],
    ['nonsense', { join_rule: 'restricted', allow: [null, 7, {}, { type: 'm.room_membership', room_id: 7 }] }],
    [
      'a condition of another kind',
      { join_rule: 'restricted', allow: [{ type: 'org.example.paid', room_id: '!x:y' }] },
    ],
  ])('lets nobody in by a rule with %s', async (_name, content) => {
    await bob.join(space)
    await alice.setState(roomId, 'm.room.join_rules', content)
    expect(await join(bob)).toMatchObject(forbidden)
  })
})
