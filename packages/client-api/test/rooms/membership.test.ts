import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('room membership', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let carol: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
    carol = await server.register('carol')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'private_chat' })
  })

  const act = (client: TestClient, action: string, body: unknown = {}, room = roomId): Promise<TestAnswer> =>
    client.request('POST', `rooms/${encodeURIComponent(room)}/${action}`, { body })
  const member = (userId: string, room = roomId) =>
    alice.get(`rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(userId)}`)
  const setMember = (client: TestClient, userId: string, content: object) =>
    client.request('PUT', `rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(userId)}`, {
      body: content,
    })
  const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } }

  describe('joining', () => {
    it('[C-078] [C-083] joins a public room by its id or alias', async () => {
      const room = await alice.post('createRoom', { preset: 'public_chat', room_alias_name: 'open' })
      const answer = await bob.request('POST', `join/${encodeURIComponent('#open:hearth.test')}`)
      expect(answer).toMatchObject({ status: 200, body: { room_id: room['room_id'] } })
      expect((await carol.post(`join/${encodeURIComponent(room['room_id'] as string)}`))['room_id']).toBe(
        room['room_id'],
      )
    })

    it('[C-078] answers 400 for a bad alias and 404 for an unknown one', async () => {
      expect(await bob.request('POST', 'join/nonsense')).toMatchObject({ status: 400 })
      expect(await bob.request('POST', `join/${encodeURIComponent('#nowhere:hearth.test')}`)).toMatchObject({
        status: 404,
        body: { errcode: 'M_NOT_FOUND' },
      })
    })

    it('[C-079] [C-080] joins through the room and through its state as well', async () => {
      await alice.invite(roomId, bob.userId)
      expect(await act(bob, 'join')).toMatchObject({ status: 200, body: { room_id: roomId } })
      await alice.invite(roomId, carol.userId)
      expect(await setMember(carol, carol.userId, { membership: 'join' })).toMatchObject({ status: 200 })
      expect(await member(carol.userId)).toEqual({ membership: 'join' })
    })

    it('[C-082] needs an invitation where the room asks for one', async () => {
      expect(await act(bob, 'join')).toMatchObject(forbidden)
      await alice.invite(roomId, bob.userId)
      expect(await act(bob, 'join')).toMatchObject({ status: 200 })
    })

    it('[C-084] joining twice is idempotent', async () => {
      await alice.invite(roomId, bob.userId)
      await act(bob, 'join')
      const before = await alice.get(`rooms/${encodeURIComponent(roomId)}/messages`, { dir: 'b', limit: 1 })
      expect(await act(bob, 'join')).toMatchObject({ status: 200, body: { room_id: roomId } })
      expect((await alice.get(`rooms/${encodeURIComponent(roomId)}/messages`, { dir: 'b', limit: 1 }))['start']).toBe(
        before['start'],
      )
    })

    it('[C-085] only members send: not the uninvited, the invited, or those who left', async () => {
      const send = (client: TestClient) =>
        client.request('PUT', `rooms/${encodeURIComponent(roomId)}/send/m.room.message/x`, {
          body: { msgtype: 'm.text', body: 'x' },
        })
      expect(await send(bob)).toMatchObject(forbidden)
      await alice.invite(roomId, bob.userId)
      expect(await send(bob)).toMatchObject(forbidden)
      await act(bob, 'join')
      expect(await send(bob)).toMatchObject({ status: 200 })
      await act(bob, 'leave')
      const path = `rooms/${encodeURIComponent(roomId)}/send/m.room.message/y`
      expect(await bob.request('PUT', path, { body: { msgtype: 'm.text', body: 'x' } })).toMatchObject(forbidden)
    })
  })

  describe('inviting', () => {
    it('[C-086] a change of the join rule takes effect at once', async () => {
      await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'public' })
      expect(await act(bob, 'join')).toMatchObject({ status: 200 })
      await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'invite' })
      expect(await act(carol, 'join')).toMatchObject(forbidden)
    })

    it('[C-087] only joined members invite', async () => {
      expect(await act(bob, 'invite', { user_id: carol.userId })).toMatchObject(forbidden)
      await alice.invite(roomId, bob.userId)
      expect(await act(bob, 'invite', { user_id: carol.userId })).toMatchObject(forbidden)
    })

    it('[C-088] nobody who is joined is invited', async () => {
      await alice.invite(roomId, bob.userId)
      await act(bob, 'join')
      expect(await act(alice, 'invite', { user_id: bob.userId })).toMatchObject(forbidden)
    })

    it('[C-089] takes full user ids only', async () => {
      expect(await act(alice, 'invite', { user_id: 'bob' })).toMatchObject({ status: 400 })
      expect(await act(alice, 'invite', {})).toMatchObject({ status: 400, body: { errcode: 'M_MISSING_PARAM' } })
    })

    it('[C-090] [C-091] invites, by the action and by the state', async () => {
      expect(await act(alice, 'invite', { user_id: bob.userId, reason: 'please' })).toMatchObject({
        status: 200,
        body: {},
      })
      expect(await member(bob.userId)).toEqual({ membership: 'invite', reason: 'please' })
      expect(await setMember(alice, carol.userId, { membership: 'invite' })).toMatchObject({ status: 200 })
      const { rooms } = await carol.sync()
      expect(rooms?.invite?.[roomId]?.invite_state.events).toContainEqual(
        expect.objectContaining({ type: 'm.room.member', state_key: carol.userId, sender: alice.userId }),
      )
    })

    it('[C-092] [SEC-37] banned users are not invited and do not join', async () => {
      await act(alice, 'ban', { user_id: bob.userId })
      expect(await act(alice, 'invite', { user_id: bob.userId })).toMatchObject(forbidden)
      await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'public' })
      expect(await act(bob, 'join')).toMatchObject(forbidden)
    })
  })

  describe('leaving', () => {
    it('[C-093] leaves by the action and by the state', async () => {
      await alice.invite(roomId, bob.userId)
      await act(bob, 'join')
      expect(await act(bob, 'leave')).toMatchObject({ status: 200, body: {} })
      expect(await member(bob.userId)).toEqual({ membership: 'leave' })
      await alice.invite(roomId, carol.userId)
      await act(carol, 'join')
      expect(await setMember(carol, carol.userId, { membership: 'leave' })).toMatchObject({ status: 200 })
      expect(await member(carol.userId)).toEqual({ membership: 'leave' })
    })

    it('[C-094] nobody leaves who was never in', async () => {
      expect(await act(bob, 'leave')).toMatchObject(forbidden)
    })

    it('[C-095] who has left an invite-only room needs a new invitation', async () => {
      await alice.invite(roomId, bob.userId)
      await act(bob, 'join')
      await act(bob, 'leave')
      expect(await act(bob, 'join')).toMatchObject(forbidden)
      await alice.invite(roomId, bob.userId)
      expect(await act(bob, 'join')).toMatchObject({ status: 200 })
    })

    it('rejects an invitation by leaving', async () => {
      await alice.invite(roomId, bob.userId)
      expect(await act(bob, 'leave')).toMatchObject({ status: 200 })
      expect((await bob.sync()).rooms?.invite?.[roomId]).toBeUndefined()
    })

    it('[C-097] still answers clearly when everybody has left', async () => {
      await act(alice, 'leave')
      expect((await alice.request('GET', `rooms/${encodeURIComponent(roomId)}/state`)).status).toBe(200)
      expect(await act(alice, 'join')).toMatchObject(forbidden)
    })
  })

  describe('kicking and banning', () => {
    beforeEach(async () => {
      await alice.invite(roomId, bob.userId)
      await act(bob, 'join')
    })

    it('[C-098] [C-099] [C-101] a ban makes its target leave and keeps them out', async () => {
      expect(await act(alice, 'ban', { user_id: bob.userId, reason: 'spam' })).toMatchObject({ status: 200, body: {} })
      expect(await member(bob.userId)).toEqual({ membership: 'ban', reason: 'spam' })
      const joined = await alice.get(`rooms/${encodeURIComponent(roomId)}/joined_members`)
      expect(Object.keys(joined['joined'] as object)).toEqual([alice.userId])
      expect(await act(bob, 'join')).toMatchObject(forbidden)
    })

    it('[C-100] [C-077] takes the level', async () => {
      await alice.invite(roomId, carol.userId)
      await act(carol, 'join')
      expect(await act(bob, 'ban', { user_id: carol.userId })).toMatchObject(forbidden)
      expect(await act(bob, 'kick', { user_id: carol.userId })).toMatchObject(forbidden)
      const levels = await alice.get(`rooms/${encodeURIComponent(roomId)}/state/m.room.power_levels`)
      await alice.setState(roomId, 'm.room.power_levels', { ...levels, users: { [bob.userId]: 49 } })
      expect(await act(bob, 'kick', { user_id: carol.userId })).toMatchObject(forbidden)
      await alice.setState(roomId, 'm.room.power_levels', { ...levels, users: { [bob.userId]: 50 } })
      expect(await act(bob, 'kick', { user_id: carol.userId })).toMatchObject({ status: 200 })
    })

    it('[C-103] an unbanned user may come back', async () => {
      await act(alice, 'ban', { user_id: bob.userId })
      expect(await act(bob, 'unban', { user_id: bob.userId })).toMatchObject(forbidden)
      expect(await act(alice, 'unban', { user_id: bob.userId })).toMatchObject({ status: 200, body: {} })
      expect(await member(bob.userId)).toEqual({ membership: 'leave' })
      await alice.invite(roomId, bob.userId)
      expect(await act(bob, 'join')).toMatchObject({ status: 200 })
    })

    it('[C-103] unbanning who is not banned is refused', async () => {
      expect(await act(alice, 'unban', { user_id: bob.userId })).toMatchObject(forbidden)
    })

    it('[C-104] a kick is leaving at the hand of another', async () => {
      expect(await act(alice, 'kick', { user_id: bob.userId, reason: 'enough' })).toMatchObject({
        status: 200,
        body: {},
      })
      expect(await member(bob.userId)).toEqual({ membership: 'leave', reason: 'enough' })
      expect(await act(alice, 'kick', { user_id: bob.userId })).toMatchObject(forbidden)
    })

    it('nobody joins for somebody else', async () => {
      expect(await setMember(alice, carol.userId, { membership: 'join' })).toMatchObject(forbidden)
      expect(await setMember(alice, carol.userId, { membership: 'nonsense' })).toMatchObject({ status: 400 })
      expect(await setMember(alice, 'carol', { membership: 'invite' })).toMatchObject({ status: 400 })
    })
  })

  it('lists the rooms that a user is joined to', async () => {
    await alice.invite(roomId, bob.userId)
    expect((await bob.get('joined_rooms'))['joined_rooms']).not.toContain(roomId)
    await act(bob, 'join')
    expect((await bob.get('joined_rooms'))['joined_rooms']).toContain(roomId)
    await act(bob, 'leave')
    expect((await bob.get('joined_rooms'))['joined_rooms']).not.toContain(roomId)
  })

  it('[SEC-24] tells outsiders nothing', async () => {
    const eventId = await alice.sendText(roomId, 'secret')
    const room = `rooms/${encodeURIComponent(roomId)}`
    for (const path of [
      'messages?dir=b',
      'state',
      'members',
      'joined_members',
      'state/m.room.name',
      'aliases',
      'initialSync',
    ]) {
      expect(await bob.request('GET', `${room}/${path}`), path).toMatchObject(forbidden)
    }
    expect(await bob.request('GET', `${room}/event/${encodeURIComponent(eventId)}`)).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    })
  })
})
