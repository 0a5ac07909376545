import type { JsonObject } from '@hearth/protocol'
import { TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FoundingClient, roomPath, statePath } from './founding-client.ts'

const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } }

describe('membership in the founding API', () => {
  let server: TestServer
  let alice: FoundingClient
  let bob: FoundingClient
  let carol: FoundingClient
  /** A public room of Alice's. */
  let open: string
  /** A private room of Alice's. */
  let closed: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await FoundingClient.register(server, 'alice')
    bob = await FoundingClient.register(server, 'bob')
    carol = await FoundingClient.register(server, 'carol')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    open = await alice.createRoom({ visibility: 'public' })
    closed = await alice.createRoom({})
  })

  const act = (client: FoundingClient, roomId: string, action: string, body: object = {}) =>
    client.request('POST', roomPath(roomId, action), { body })
  const setMember = (client: FoundingClient, roomId: string, user: FoundingClient, content: JsonObject) =>
    client.setState(roomId, 'm.room.member', content, user.userId)
  const membershipOf = async (user: FoundingClient, roomId: string) =>
    (await alice.state(roomId, 'm.room.member', user.userId))['membership']
  const initialRoom = async (client: FoundingClient, roomId: string, query = {}) =>
    ((await client.get('initialSync', query))['rooms'] as JsonObject[]).find((room) => room['room_id'] === roomId)

  describe('joining', () => {
    it('[C-078] [C-083] [H-05] joins by id and by alias, with a transaction id and without', async () => {
      const { room_id: roomId } = await alice.post('createRoom', { visibility: 'public', room_alias_name: 'open' })
      const alias = encodeURIComponent('#open:hearth.test')
      expect(await bob.post(`join/${alias}`, {})).toEqual({ room_id: roomId })
      expect(await carol.put(`join/${alias}/txn`, {})).toEqual({ room_id: roomId })
      expect(await bob.post(`join/${encodeURIComponent(open)}`, {})).toEqual({ room_id: open })
      expect(await carol.put(`join/${encodeURIComponent(open)}/txn`, {})).toEqual({ room_id: open })
      expect([await membershipOf(bob, open), await membershipOf(carol, open)]).toEqual(['join', 'join'])
    })

    it('[C-078] answers 400 for what is no alias and 404 for an unknown one', async () => {
      for (const [method, end] of [['POST', ''] as const, ['PUT', '/txn'] as const]) {
        expect(await bob.status(method, `join/nonsense${end}`, {})).toBe(400)
        expect(await bob.status(method, `join/${encodeURIComponent('#no:hearth.test')}${end}`, {})).toBe(404)
      }
    })

    it('[C-079] [H-05] joins through the room', async () => {
      expect(await bob.post(roomPath(open, 'join'), {})).toEqual({ room_id: open })
      expect(await carol.put(roomPath(open, 'join', 'txn'), {})).toEqual({ room_id: open })
    })

    it('[C-080] joins by setting the membership', async () => {
      expect(await setMember(bob, open, bob, { membership: 'join' })).toMatchObject({ status: 200 })
      expect(await membershipOf(bob, open)).toBe('join')
      expect(await setMember(bob, open, carol, { membership: 'join' })).toMatchObject(forbidden)
      expect(await setMember(bob, open, bob, {})).toMatchObject({ status: 400 })
      expect(await setMember(bob, open, bob, { membership: 'x' }), '[E-009]').toMatchObject({ status: 400 })
    })

    it('[C-081] gets what happens from then on, and sees the room', async () => {
      const from = await bob.now()
      await bob.join(open)
      const eventId = await alice.sendText(open, 'welcome')
      const { chunk } = await bob.events({ from })
      expect(chunk.map((event) => event.event_id)).toContain(eventId)
      expect(await initialRoom(bob, open)).toMatchObject({ membership: 'join' })
    })

    it('[C-082] takes an invitation where the room asks for one', async () => {
      expect(await act(bob, closed, 'join')).toMatchObject(forbidden)
      await act(alice, closed, 'invite', { user_id: bob.userId })
      expect(await act(bob, closed, 'join')).toMatchObject({ status: 200 })
    })

    it('[C-084] joining twice is idempotent', async () => {
      await bob.join(open)
      const first = await alice.stateEvent(open, 'm.room.member', bob.userId)
      await bob.join(open)
      expect(await alice.stateEvent(open, 'm.room.member', bob.userId)).toMatchObject({ event_id: first!.event_id })
    })

    it('[C-084] a repeated transaction does not join again', async () => {
      await bob.put(roomPath(open, 'join', 'once'), {})
      await act(bob, open, 'leave')
      expect(await bob.put(roomPath(open, 'join', 'once'), {})).toEqual({ room_id: open })
      expect(await membershipOf(bob, open)).toBe('leave')
    })

    it('[C-085] who is not in a room cannot send: invited, left, never in it, or no room at all', async () => {
      const send = async (client: FoundingClient, roomId: string) =>
        client.request('PUT', roomPath(roomId, 'send', 'm.room.message', 't'), {
          body: { msgtype: 'm.text', body: 'x' },
        })
      expect(await send(bob, open)).toMatchObject(forbidden)
      await act(alice, closed, 'invite', { user_id: bob.userId })
      expect(await send(bob, closed)).toMatchObject(forbidden)
      await bob.join(open)
      await act(bob, open, 'leave')
      expect(await send(bob, open)).toMatchObject(forbidden)
      expect([403, 404]).toContain((await send(bob, '!unknown:hearth.test')).status)
    })
  })

  describe('inviting', () => {
    it('[C-086] follows the join rule as it is now', async () => {
      expect(await alice.setState(open, 'm.room.join_rules', { join_rule: 'invite' })).toMatchObject({ status: 200 })
      expect(await act(bob, open, 'join')).toMatchObject(forbidden)
      await alice.setState(open, 'm.room.join_rules', { join_rule: 'public' })
      expect(await act(bob, open, 'join')).toMatchObject({ status: 200 })
    })

    it('[C-087] is for every member and for nobody else', async () => {
      await act(alice, closed, 'invite', { user_id: bob.userId })
      expect(await act(bob, closed, 'invite', { user_id: carol.userId })).toMatchObject(forbidden)
      await bob.join(closed)
      expect(await act(bob, closed, 'invite', { user_id: carol.userId })).toMatchObject({ status: 200 })
      expect(await act(carol, open, 'invite', { user_id: bob.userId })).toMatchObject(forbidden)
      await carol.join(open)
      expect(await act(carol, open, 'invite', { user_id: bob.userId })).toMatchObject({ status: 200 })
    })

    it('[C-088] is not for who is in the room', async () => {
      await bob.join(open)
      expect(await act(alice, open, 'invite', { user_id: bob.userId })).toMatchObject(forbidden)
    })

    it('[C-089] takes a whole user id', async () => {
      for (const body of [{ user_id: 'bob' }, { user_id: 3 }, {}]) {
        expect((await act(alice, closed, 'invite', body)).status).toBe(400)
        expect(await alice.status('PUT', roomPath(closed, 'invite', 'txn'), body)).toBe(400)
      }
    })

    it('[C-090] [H-06] shows the invited user who invites them to what', async () => {
      const from = await bob.now()
      expect(await alice.post(roomPath(closed, 'invite'), { user_id: bob.userId })).toEqual({})
      const entry = await initialRoom(bob, closed)
      expect(entry).toMatchObject({ membership: 'invite', inviter: alice.userId })
      expect(entry).toMatchObject({ invite: { user_id: alice.userId, content: { membership: 'invite' } } })
      expect(entry).not.toHaveProperty('messages')
      const { chunk } = await bob.events({ from })
      expect(chunk).toMatchObject([
        { type: 'm.room.member', room_id: closed, state_key: bob.userId, membership: 'invite' },
      ])
    })

    it('[C-091] is the same by setting the membership', async () => {
      expect(await setMember(alice, closed, bob, { membership: 'invite' })).toMatchObject({ status: 200 })
      expect(await initialRoom(bob, closed)).toMatchObject({ membership: 'invite', inviter: alice.userId })
      expect(await act(bob, closed, 'join')).toMatchObject({ status: 200 })
    })

    it('[C-092] is not for who is banned', async () => {
      await act(alice, open, 'ban', { user_id: bob.userId })
      expect(await act(alice, open, 'invite', { user_id: bob.userId })).toMatchObject(forbidden)
      expect(await setMember(alice, open, bob, { membership: 'invite' })).toMatchObject(forbidden)
    })
  })

  describe('leaving', () => {
    it('[C-093] [H-06] leaves, through the room or by setting the membership', async () => {
      await Promise.all([bob.join(open), carol.join(open)])
      expect(await bob.post(roomPath(open, 'leave'), {})).toEqual({})
      expect(await setMember(carol, open, carol, { membership: 'leave' })).toMatchObject({ status: 200 })
      expect([await membershipOf(bob, open), await membershipOf(carol, open)]).toEqual(['leave', 'leave'])
    })

    it('[C-094] [X-31] is for who has joined or is invited', async () => {
      expect(await act(bob, open, 'leave')).toMatchObject(forbidden)
      await act(alice, closed, 'invite', { user_id: bob.userId })
      expect(await act(bob, closed, 'leave')).toMatchObject({ status: 200 })
      expect(await act(bob, closed, 'leave')).toMatchObject(forbidden)
    })

    it('[C-095] ends the events of the room, and takes a new invitation to undo', async () => {
      await act(alice, closed, 'invite', { user_id: bob.userId })
      await bob.join(closed)
      await act(bob, closed, 'leave')
      const from = await bob.now()
      await alice.sendText(closed, 'behind the back')
      expect((await bob.events({ from })).chunk).toEqual([])
      expect(await act(bob, closed, 'join')).toMatchObject(forbidden)
      await act(alice, closed, 'invite', { user_id: bob.userId })
      expect(await act(bob, closed, 'join')).toMatchObject({ status: 200 })
    })

    it('[C-095] shows nothing of a room to who rejects its invitation, but their own membership', async () => {
      const from = await bob.now()
      await act(alice, closed, 'invite', { user_id: bob.userId })
      await alice.sendText(closed, 'none of his business')
      await act(bob, closed, 'leave')
      const { chunk } = await bob.events({ from })
      expect(chunk.map((event) => event['membership'])).toEqual(['invite', 'leave'])
      const headers = { authorization: `Bearer ${bob.accessToken}` }
      const today = await server.anonymous.request('GET', 'sync', { headers, query: { since: from } })
      expect(today.status).toBe(200)
      expect(today.text).not.toContain('none of his business')
      expect((await bob.request('GET', 'initialSync', { query: { archived: true } })).text).not.toContain(
        'his business',
      )
    })

    it('[C-095] shows nothing that happened between leaving and being banned', async () => {
      await bob.join(open)
      await act(bob, open, 'leave')
      const from = await bob.now()
      await alice.sendText(open, 'none of his business')
      await alice.setState(open, 'm.room.topic', { topic: 'nor this' })
      await act(alice, open, 'ban', { user_id: bob.userId })
      const headers = { authorization: `Bearer ${bob.accessToken}` }
      const today = await server.anonymous.request('GET', 'sync', { headers, query: { since: from } })
      const paths = ['messages', 'state', 'initialSync', 'members'].map((each) => roomPath(open, each))
      const founding = await Promise.all(paths.map((path) => bob.request('GET', path)))
      founding.push(await bob.request('GET', 'initialSync', { query: { archived: true } }))
      for (const { text } of [today, ...founding]) expect(text).not.toContain('none of his business')
      for (const { text } of founding) expect(text).not.toContain('nor this')
      expect(await bob.messages(open, { limit: 1 })).toMatchObject({ chunk: [{ membership: 'leave' }] })
      expect((await bob.events({ from })).chunk).toMatchObject([{ type: 'm.room.member', membership: 'ban' }])
    })

    it('[C-096] takes the room out of initialSync', async () => {
      await bob.join(open)
      await act(bob, open, 'leave')
      expect(await initialRoom(bob, open)).toBeUndefined()
      expect(await initialRoom(bob, open, { archived: true })).toMatchObject({ membership: 'leave' })
    })

    it('[C-097] leaves an empty room that refuses politely', async () => {
      await act(alice, closed, 'leave')
      expect(await act(alice, closed, 'join')).toMatchObject(forbidden)
      expect(await act(bob, closed, 'join')).toMatchObject(forbidden)
      expect([403, 404]).toContain(await bob.status('GET', roomPath(closed, 'state')))
    })
  })

  describe('kicking and banning', () => {
    beforeEach(async () => {
      await Promise.all([bob.join(open), carol.join(open)])
    })

    it('[C-098] a ban makes the target leave and keeps them out', async () => {
      const from = await bob.now()
      await act(alice, open, 'ban', { user_id: bob.userId })
      const { chunk } = await bob.events({ from })
      expect(chunk).toMatchObject([{ type: 'm.room.member', membership: 'ban', state_key: bob.userId }])
      const message = { msgtype: 'm.text', body: 'x' }
      expect(await bob.status('POST', roomPath(open, 'send', 'm.room.message'), message)).toBe(403)
      expect(await act(bob, open, 'join')).toMatchObject(forbidden)
    })

    it('[C-099] who is banned is not treated as joined', async () => {
      await act(alice, open, 'ban', { user_id: bob.userId })
      const { joined } = await alice.get(roomPath(open, 'joined_members'))
      expect(joined).not.toHaveProperty([bob.userId])
      const from = await bob.now()
      await alice.sendText(open, 'gone')
      expect((await bob.events({ from })).chunk).toEqual([])
    })

    it('[C-100] a ban takes the level', async () => {
      expect(await act(bob, open, 'ban', { user_id: carol.userId })).toMatchObject(forbidden)
    })

    it('[C-101] [H-06] bans with a reason, also by setting the membership', async () => {
      expect(await alice.post(roomPath(open, 'ban'), { user_id: bob.userId, reason: 'spam' })).toEqual({})
      expect(await alice.state(open, 'm.room.member', bob.userId)).toMatchObject({ membership: 'ban', reason: 'spam' })
      const content = { membership: 'ban', reason: 'also spam' }
      expect(await setMember(alice, open, carol, content)).toMatchObject({ status: 200 })
      expect(await alice.state(open, 'm.room.member', carol.userId)).toMatchObject(content)
    })

    it('[C-102] shows a ban with a level above that of the banned, who cannot undo it', async () => {
      await alice.setState(open, 'm.room.power_levels', { [alice.userId]: 100, [bob.userId]: 70, default: 0 })
      await setMember(alice, open, bob, { membership: 'ban', required_power_level: 1 })
      await act(alice, open, 'ban', { user_id: carol.userId })
      expect(await alice.stateEvent(open, 'm.room.member', bob.userId)).toMatchObject({ required_power_level: 71 })
      expect(await alice.stateEvent(open, 'm.room.member', carol.userId)).toMatchObject({ required_power_level: 50 })
      expect(await setMember(bob, open, bob, { membership: 'leave' })).toMatchObject(forbidden)
      expect(await act(bob, open, 'unban', { user_id: bob.userId })).toMatchObject(forbidden)
      expect(await alice.state(open, 'm.room.member', bob.userId)).toEqual({ membership: 'ban' })
    })

    it('[C-103] [H-06] is undone by setting the membership, and by unbanning', async () => {
      await act(alice, open, 'ban', { user_id: bob.userId })
      await act(alice, open, 'ban', { user_id: carol.userId })
      expect(await setMember(alice, open, bob, { membership: 'leave' })).toMatchObject({ status: 200 })
      expect(await alice.put(roomPath(open, 'unban', 'txn'), { user_id: carol.userId })).toEqual({})
      expect([(await act(bob, open, 'join')).status, (await act(carol, open, 'join')).status]).toEqual([200, 200])
    })

    it('[C-104] a kick is a leave that somebody else sets, and takes the level', async () => {
      expect(await setMember(bob, open, carol, { membership: 'leave' })).toMatchObject(forbidden)
      expect(await act(bob, open, 'kick', { user_id: carol.userId })).toMatchObject(forbidden)
      expect(await setMember(alice, open, carol, { membership: 'leave' })).toMatchObject({ status: 200 })
      expect(await act(alice, open, 'kick', { user_id: bob.userId, reason: 'noise' })).toMatchObject({
        status: 200,
        body: {},
      })
      expect(await alice.state(open, 'm.room.member', bob.userId)).toMatchObject({
        membership: 'leave',
        reason: 'noise',
      })
    })
  })

  describe('with transaction ids', () => {
    it('[H-06] [M-24] carries out every action once', async () => {
      const once = async (action: string, body: object, undo: () => Promise<unknown>, membership: string) => {
        const path = roomPath(open, action, 'txn')
        expect(await alice.put(path, body)).toEqual({})
        await undo()
        expect(await alice.put(path, body)).toEqual({})
        expect(await membershipOf(bob, open)).toBe(membership)
      }
      const target = { user_id: bob.userId }
      await once('invite', target, () => act(bob, open, 'join'), 'join')
      await once('kick', target, () => act(bob, open, 'join'), 'join')
      await once('ban', target, () => setMember(alice, open, bob, { membership: 'leave' }), 'leave')
      await act(alice, open, 'ban', target)
      await once('unban', target, () => act(bob, open, 'join'), 'join')
    })

    it('[H-06] [M-24] leaves once', async () => {
      await bob.join(open)
      expect(await bob.put(roomPath(open, 'leave', 'txn'), {})).toEqual({})
      expect(await bob.put(roomPath(open, 'leave', 'txn'), {})).toEqual({})
      await bob.join(open)
      expect(await bob.put(roomPath(open, 'leave', 'txn'), {})).toEqual({})
      expect(await membershipOf(bob, open)).toBe('join')
    })

    it('keeps the transaction ids of different actions and targets apart', async () => {
      expect(await alice.put(roomPath(open, 'invite', 't'), { user_id: bob.userId })).toEqual({})
      expect(await alice.put(roomPath(open, 'invite', 't'), { user_id: carol.userId })).toEqual({})
      expect(await alice.put(roomPath(open, 'kick', 't'), { user_id: bob.userId })).toEqual({})
      expect([await membershipOf(bob, open), await membershipOf(carol, open)]).toEqual(['leave', 'invite'])
    })
  })

  it('[C-002] [H-08] is asked with a token in the query', async () => {
    const path = `/_matrix/client/api/v1/${statePath(open, 'm.room.member', alice.userId)}`
    const unknown = await server.anonymous.request('GET', path, { query: { access_token: 'nonsense' } })
    expect(unknown).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } })
    const missing = await server.anonymous.request('GET', path)
    expect(missing).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
  })
})
