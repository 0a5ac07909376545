import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('knocking', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'private_chat', name: 'Behind the door' })
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'knock' })
  })

  const knock = (client: TestClient, body: unknown = {}, room = roomId): Promise<TestAnswer> =>
    client.request('POST', `knock/${encodeURIComponent(room)}`, { body })
  const member = (userId: string) =>
    alice.get(`rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(userId)}`)
  const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } }

  it('asks to be let in, and is shown to both sides', async () => {
    const before = (await alice.sync()).next_batch
    expect(await knock(bob, { reason: 'please' })).toMatchObject({ status: 200, body: { room_id: roomId } })
    expect(await member(bob.userId)).toEqual({ membership: 'knock', reason: 'please' })
    const { rooms } = await bob.sync()
    const events = rooms?.knock?.[roomId]?.knock_state.events
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'm.room.name', content: { name: 'Behind the door' } }),
    )
    expect(events).toContainEqual(expect.objectContaining({ type: 'm.room.member', state_key: bob.userId }))
    for (const event of events ?? [])
      expect(Object.keys(event).sort()).toEqual(['content', 'sender', 'state_key', 'type'])
    expect(rooms?.join?.[roomId]).toBeUndefined()
    const news = (await alice.sync({ since: before })).rooms?.join?.[roomId]?.timeline.events
    expect(news).toMatchObject([{ type: 'm.room.member', state_key: bob.userId, content: { membership: 'knock' } }])
  })

  it('takes an alias, an empty body, and the state as well', async () => {
    await alice.put(`directory/room/${encodeURIComponent('#door:hearth.test')}`, { room_id: roomId })
    expect((await bob.request('POST', `knock/${encodeURIComponent('#door:hearth.test')}`)).body).toEqual({
      room_id: roomId,
    })
    await bob.leave(roomId)
    await bob.setState(roomId, 'm.room.member', { membership: 'knock' }, bob.userId)
    expect(await member(bob.userId)).toEqual({ membership: 'knock' })
  })

  it('knocking twice with the same words is knocking once', async () => {
    await knock(bob, { reason: 'please' })
    const { next_batch: since } = await alice.sync()
    await knock(bob, { reason: 'please' })
    expect((await alice.sync({ since })).rooms).toBeUndefined()
    await knock(bob, { reason: 'please, please' })
    expect(await member(bob.userId)).toEqual({ membership: 'knock', reason: 'please, please' })
  })

  it('is accepted with an invitation, rejected with a kick, and taken back by leaving', async () => {
    await knock(bob)
    await alice.invite(roomId, bob.userId)
    expect((await bob.sync()).rooms?.invite?.[roomId]).toBeDefined()
    await bob.join(roomId)
    await bob.leave(roomId)
    await knock(bob)
    const { next_batch: since } = await bob.sync()
    await alice.post(`rooms/${encodeURIComponent(roomId)}/kick`, { user_id: bob.userId, reason: 'no' })
    const left = (await bob.sync({ since })).rooms?.leave?.[roomId]
    expect(left?.timeline.events).toMatchObject([{ type: 'm.room.member', content: { membership: 'leave' } }])
    await knock(bob)
    await bob.leave(roomId)
    expect(await member(bob.userId)).toEqual({ membership: 'leave' })
  })

  it('lets nobody in or in sight by itself', async () => {
    await knock(bob)
    expect(await bob.request('POST', `join/${encodeURIComponent(roomId)}`)).toMatchObject(forbidden)
    for (const path of ['messages?dir=b', 'state', 'members']) {
      expect(await bob.request('GET', `rooms/${encodeURIComponent(roomId)}/${path}`)).toMatchObject(forbidden)
    }
    expect(await knock(alice)).toMatchObject(forbidden)
  })

  it.each(['invite', 'public', 'private'])('is refused where the join rule is %s', async (joinRule) => {
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: joinRule })
    expect(await knock(bob)).toMatchObject(forbidden)
  })

  it('[SEC-37] is refused to those who are banned or invited, for others, and in rooms of versions before it', async () => {
    await alice.invite(roomId, bob.userId)
    expect(await knock(bob)).toMatchObject(forbidden)
    await alice.post(`rooms/${encodeURIComponent(roomId)}/ban`, { user_id: bob.userId })
    expect(await knock(bob)).toMatchObject(forbidden)
    const path = `rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent('@carol:hearth.test')}`
    expect(await alice.request('PUT', path, { body: { membership: 'knock' } })).toMatchObject(forbidden)
    const old = await alice.createRoom({ room_version: '6' })
    await alice.setState(old, 'm.room.join_rules', { join_rule: 'knock' })
    expect(await knock(bob, {}, old)).toMatchObject(forbidden)
  })

  it('answers 404 for unknown rooms and aliases, 400 for what is neither and for a reason that is no text', async () => {
    expect(await knock(bob, {}, '!nowhere:hearth.test')).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    })
    expect(await knock(bob, {}, '#nowhere:hearth.test')).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    })
    expect(await knock(bob, {}, 'nonsense')).toMatchObject({ status: 400 })
    expect(await knock(bob, { reason: 7 })).toMatchObject({ status: 400 })
    expect(await server.anonymous.request('POST', `knock/${encodeURIComponent(roomId)}`)).toMatchObject({ status: 401 })
  })
})
