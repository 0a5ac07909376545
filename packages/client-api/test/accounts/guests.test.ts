import type { JsonObject } from '@hearth/protocol'
import { TestClient, TestServer, type TestAnswer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { endpoints } from '../../src/endpoints.ts'

describe('guests', () => {
  let server: TestServer
  let alice: TestClient
  let guest: TestClient

  beforeAll(async () => {
    server = await TestServer.start({ settings: { HEARTH_REGISTRATION_GUESTS: 'true' } })
    alice = await server.register('alice')
  })

  beforeEach(async () => {
    guest = await registerGuest()
  })

  afterAll(() => server.stop())

  async function registerGuest(body: JsonObject = {}): Promise<TestClient> {
    const answer = await server.anonymous.expect('POST', 'register', { query: { kind: 'guest' }, body })
    return clientOf(answer)
  }

  function clientOf(body: JsonObject): TestClient {
    const { user_id: userId, device_id: deviceId, access_token: accessToken } = body as Record<string, string>
    const credentials = { userId: userId!, deviceId: deviceId!, accessToken: accessToken! }
    return new TestClient({ baseUrl: () => server.url, credentials })
  }

  async function openRoom(access: 'can_join' | 'forbidden' | undefined): Promise<string> {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    if (access) await alice.setState(roomId, 'm.room.guest_access', { guest_access: access })
    return roomId
  }

  const join = (roomId: string): Promise<TestAnswer> =>
    guest.request('POST', `rooms/${encodeURIComponent(roomId)}/join`, { body: {} })

  it('get an account, a device and an access token, and are told apart', async () => {
    expect(await guest.get('account/whoami')).toEqual({
      user_id: guest.userId,
      device_id: guest.deviceId,
      is_guest: true,
    })
    expect(await alice.get('account/whoami')).toMatchObject({ is_guest: false })
    const named = await registerGuest({ initial_device_display_name: 'Browser', username: 'alice', device_id: 'MINE' })
    expect(named.userId).not.toBe(alice.userId)
    expect(named.deviceId).not.toBe('MINE')
    expect(await named.get(`devices/${named.deviceId}`)).toMatchObject({ display_name: 'Browser' })
  })

  it('come in only where the server lets them', async () => {
    await using closed = await TestServer.start()
    const { status, body } = await closed.anonymous.request('POST', 'register', { query: { kind: 'guest' }, body: {} })
    expect([status, body['errcode']]).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
  })

  it('[SEC-36] may use what the specification lists, and nothing else', async () => {
    const allowed: string[] = []
    for (const [name, endpoint] of Object.entries(endpoints)) {
      if (endpoint.auth === 'userOrGuest' || endpoint.auth === 'activeUserOrGuest') allowed.push(name)
      if (endpoint.auth !== 'user' && endpoint.auth !== 'activeUser') continue
      const path = [endpoint.path].flat()[0]!.replaceAll(/:\w+/g, 'x')
      const answer = await guest.request(endpoint.method, path, endpoint.method === 'GET' ? {} : { body: {} })
      expect([name, answer.status, answer.body['errcode']]).toEqual([name, 403, 'M_GUEST_ACCESS_FORBIDDEN'])
    }
    expect(allowed.sort()).toEqual(
      [
        'deleteProfileField',
        'getDevice',
        'getDevices',
        'getEventContext',
        'getEvents',
        'getMembersByRoom',
        'getOneRoomEvent',
        'getRoomEvents',
        'getRoomState',
        'getRoomStateWithKey',
        'getTokenOwner',
        // By its alias as well: clients know no other way to a room whose id they do not have.
        'joinRoom',
        'joinRoomById',
        'leaveRoom',
        'roomInitialSync',
        'sendMessage',
        'sendToDevice',
        'setProfileField',
        'setRoomStateWithKey',
        'sync',
        'updateDevice',
      ].sort(),
    )
  })

  it('may change their display name, and nothing else of their profile', async () => {
    const profile = `profile/${encodeURIComponent(guest.userId)}`
    await guest.put(`${profile}/displayname`, { displayname: 'Visitor' })
    expect(await alice.get(`${profile}/displayname`)).toEqual({ displayname: 'Visitor' })
    const avatar = { avatar_url: 'mxc://hearth.test/a' }
    expect((await guest.request('PUT', `${profile}/avatar_url`, { body: avatar })).body).toMatchObject({
      errcode: 'M_GUEST_ACCESS_FORBIDDEN',
    })
    expect((await guest.request('DELETE', `${profile}/avatar_url`)).status).toBe(403)
    expect((await guest.request('DELETE', `${profile}/displayname`)).status).toBe(200)
  })

  it('follow single rooms only', async () => {
    const { status, body } = await guest.request('GET', 'events', { query: { timeout: 0 } })
    expect([status, body['errcode']]).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
  })

  it('may join where m.room.guest_access says can_join, and talk there', async () => {
    const roomId = await openRoom('can_join')
    expect((await join(roomId)).status).toBe(200)
    const eventId = await guest.sendText(roomId, 'hello')
    expect(eventId).toMatch(/^\$/)
    expect(Object.keys((await guest.sync()).rooms?.join ?? {})).toEqual([roomId])
    for (const access of ['forbidden', undefined] as const) {
      const { status, body } = await join(await openRoom(access))
      expect([status, body['errcode']]).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
    }
  })

  it('may not accept an invitation, nor set their own membership, where guests may not join', async () => {
    const roomId = await openRoom('forbidden')
    await alice.invite(roomId, guest.userId)
    expect((await join(roomId)).body).toMatchObject({ errcode: 'M_GUEST_ACCESS_FORBIDDEN' })
    const path = `rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(guest.userId)}`
    expect((await guest.request('PUT', path, { body: { membership: 'join' } })).body).toMatchObject({
      errcode: 'M_GUEST_ACCESS_FORBIDDEN',
    })
    // They may still say no.
    await guest.leave(roomId)
  })

  it('have to leave when the room does not let guests in any more; others stay', async () => {
    const roomId = await openRoom('can_join')
    const bob = await server.register('bob')
    await bob.join(roomId)
    expect((await join(roomId)).status).toBe(200)
    await alice.setState(roomId, 'm.room.guest_access', { guest_access: 'forbidden' })
    const membershipOf = async ({ userId }: TestClient) => {
      const path = `rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(userId)}`
      return (await alice.get(path))['membership']
    }
    await expect.poll(() => membershipOf(guest)).toBe('leave')
    expect(await membershipOf(bob)).toBe('join')
    expect((await guest.sync()).rooms?.join ?? {}).not.toHaveProperty([roomId])
  })

  describe('that become users', () => {
    const auth = { type: 'm.login.dummy' }
    const upgrade = (body: JsonObject): Promise<TestAnswer> => server.anonymous.request('POST', 'register', { body })
    const localpart = (): string => guest.userId.slice(1).split(':')[0]!

    it('keep their name and rooms, and lose their old session', async () => {
      const roomId = await openRoom('can_join')
      await join(roomId)
      const wanted = { username: localpart(), password: 'pw', guest_access_token: guest.accessToken }
      const asked = await upgrade(wanted)
      expect(asked.status).toBe(401)
      const { status, body } = await upgrade({ ...wanted, auth: { ...auth, session: asked.body['session']! } })
      expect([status, body['user_id']]).toEqual([200, guest.userId])
      expect((await guest.request('GET', 'account/whoami')).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
      const user = clientOf(body)
      expect(await user.get('account/whoami')).toMatchObject({ user_id: guest.userId, is_guest: false })
      expect(await user.get('joined_rooms')).toEqual({ joined_rooms: [roomId] })
      await server.anonymous.logIn(localpart(), 'pw')
      // Once.
      expect((await upgrade({ ...wanted, auth })).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    })

    it('are nobody else', async () => {
      const other = await registerGuest()
      const cases: readonly (readonly [JsonObject, string])[] = [
        [{ username: localpart(), guest_access_token: other.accessToken }, 'M_FORBIDDEN'],
        [{ username: localpart() }, 'M_USER_IN_USE'],
        [{ guest_access_token: guest.accessToken }, 'M_FORBIDDEN'],
        [{ username: 'alice', guest_access_token: guest.accessToken }, 'M_FORBIDDEN'],
        [{ username: 'alice', guest_access_token: alice.accessToken }, 'M_FORBIDDEN'],
        [{ username: localpart(), guest_access_token: 'made up' }, 'M_UNKNOWN_TOKEN'],
      ]
      for (const [wanted, errcode] of cases) {
        expect((await upgrade({ password: 'pw', ...wanted, auth })).body).toMatchObject({ errcode })
      }
      expect(await guest.get('account/whoami')).toMatchObject({ is_guest: true })
    })
  })
})
