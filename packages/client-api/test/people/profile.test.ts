import type { UserId } from '@hearth/protocol'
import { FakeNetwork, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('profiles', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    server = await TestServer.start({ network: new FakeNetwork() })
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
  })

  afterAll(() => server.stop())

  const path = (userId: string, field?: string): string =>
    `profile/${encodeURIComponent(userId)}${field === undefined ? '' : `/${encodeURIComponent(field)}`}`

  async function refusal(client: TestClient, method: string, target: string, body?: unknown): Promise<unknown[]> {
    const answer = await client.request(method, target, { ...(body !== undefined && { body }) })
    return [answer.status, answer.body['errcode']]
  }

  it('[C-148] [S-101] is empty at first, then has what was set, and anybody may read it', async () => {
    const carol = await server.register('carol')
    expect(await server.anonymous.get(path(carol.userId))).toEqual({})
    await carol.put(path(carol.userId, 'displayname'), { displayname: 'Carol' })
    await carol.put(path(carol.userId, 'avatar_url'), { avatar_url: 'mxc://hearth.test/abc' })
    await carol.put(path(carol.userId, 'm.tz'), { 'm.tz': 'Europe/London' })
    await carol.put(path(carol.userId, 'org.example.pet'), { 'org.example.pet': { name: 'Rex', legs: [1, 2, 3, 4.5] } })
    const all = {
      displayname: 'Carol',
      avatar_url: 'mxc://hearth.test/abc',
      'm.tz': 'Europe/London',
      'org.example.pet': { name: 'Rex', legs: [1, 2, 3, 4.5] },
    }
    expect(await server.anonymous.get(path(carol.userId))).toEqual(all)
    expect(await bob.get(path(carol.userId, 'org.example.pet'))).toEqual({ 'org.example.pet': all['org.example.pet'] })
    await server.restart()
    expect(await server.anonymous.get(path(carol.userId))).toEqual(all)
  })

  it('[C-145] [C-146] [S-102] [H-21] the display name may be any text, and an empty one is none', async () => {
    for (const displayname of ['Alice', '🐟 אליס', 'x'.repeat(255)]) {
      expect(await alice.put(path(alice.userId, 'displayname'), { displayname })).toEqual({})
      expect(await server.anonymous.get(path(alice.userId, 'displayname'))).toEqual({ displayname })
    }
    await alice.put(path(alice.userId, 'displayname'), { displayname: '' })
    expect(await server.anonymous.get(path(alice.userId, 'displayname'))).toEqual({})
    expect(await server.anonymous.get(path(alice.userId))).toEqual({})
  })

  it('[C-147] [X-10] [H-21] the avatar of the founding API may have any scheme, and is the same in both', async () => {
    const founding = (field: string) => `/_matrix/client/api/v1/${path(alice.userId, field)}`
    for (const avatar of ['http://example.org/me.png', 'mxc://hearth.test/abc']) {
      expect(await alice.put(founding('avatar_url'), { avatar_url: avatar })).toEqual({})
      expect(await server.anonymous.get(founding('avatar_url'))).toEqual({ avatar_url: avatar })
      expect(await server.anonymous.get(path(alice.userId, 'avatar_url'))).toEqual({ avatar_url: avatar })
    }
    await alice.put(founding('displayname'), { displayname: 'Founding' })
    const whole = await server.anonymous.get(`/_matrix/client/api/v1/${path(alice.userId)}`)
    expect(whole).toEqual({ displayname: 'Founding', avatar_url: 'mxc://hearth.test/abc' })
    await alice.expect('DELETE', path(alice.userId, 'avatar_url'))
    await alice.expect('DELETE', path(alice.userId, 'displayname'))
  })

  it('fields can be deleted, twice too, and null is a value', async () => {
    await alice.put(path(alice.userId, 'org.example.null'), { 'org.example.null': null })
    expect(await alice.get(path(alice.userId, 'org.example.null'))).toEqual({ 'org.example.null': null })
    for (let i = 0; i < 2; i++) {
      expect(await alice.expect('DELETE', path(alice.userId, 'org.example.null'))).toEqual({})
      expect(await refusal(alice, 'GET', path(alice.userId, 'org.example.null'))).toEqual([404, 'M_NOT_FOUND'])
    }
  })

  it('of nobody, and of users of servers that are away, are not found', async () => {
    for (const field of [undefined, 'displayname', 'org.example.pet']) {
      const nobody = await refusal(server.anonymous, 'GET', path('@nobody:hearth.test', field))
      expect(nobody).toEqual([404, 'M_NOT_FOUND'])
      const elsewhere = await refusal(server.anonymous, 'GET', path('@alice:elsewhere.test', field))
      expect(elsewhere).toEqual([502, 'M_UNKNOWN'])
    }
    expect(await refusal(server.anonymous, 'GET', path('nobody'))).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('[SEC-32] of others, too long or of the wrong type cannot be set', async () => {
    const body = { displayname: 'Mallory' }
    for (const target of [bob.userId, '@nobody:hearth.test', '@bob:elsewhere.test']) {
      expect(await refusal(alice, 'PUT', path(target, 'displayname'), body)).toEqual([403, 'M_FORBIDDEN'])
      expect(await refusal(alice, 'DELETE', path(target, 'displayname'))).toEqual([403, 'M_FORBIDDEN'])
    }
    expect(await refusal(server.anonymous, 'PUT', path(bob.userId, 'displayname'), body)).toEqual([
      401,
      'M_MISSING_TOKEN',
    ])
    const own = (field: string, value: unknown) => refusal(alice, 'PUT', path(alice.userId, field), { [field]: value })
    for (const value of ['x'.repeat(257), 5, null, {}, ['x']]) {
      expect(await own('displayname', value)).toEqual([400, 'M_INVALID_PARAM'])
    }
    expect(await own('avatar_url', 'x'.repeat(1001))).toEqual([400, 'M_INVALID_PARAM'])
    expect(await own('m.tz', 5)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refusal(alice, 'PUT', path(alice.userId, 'displayname'), {})).toEqual([400, 'M_MISSING_PARAM'])
    expect(await alice.get(path(alice.userId))).toEqual({})
  })

  it.each([
    'Displayname',
    'name',
    '__proto__',
    'constructor',
    'org..x',
    'org.',
    '.org',
    'org.Example',
    'org.x y',
    'a.\0',
  ])('%j is no name of a field', async (field) => {
    const target = path(alice.userId, field)
    expect(await refusal(alice, 'PUT', target, { [field]: 1 })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refusal(alice, 'GET', target)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refusal(alice, 'DELETE', target)).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('[SEC-32] names have at most 255 bytes, and a profile stays under 64 KiB, whoever sets how much at once', async () => {
    const dora = await server.register('dora')
    const long = `a.${'x'.repeat(254)}`
    expect(await refusal(dora, 'PUT', path(dora.userId, long), { [long]: 1 })).toEqual([400, 'M_KEY_TOO_LARGE'])
    const set = (i: number) => {
      const field = `org.example.f${i}`
      return dora.request('PUT', path(dora.userId, field), { body: { [field]: 'x'.repeat(20_000) } })
    }
    const answers = await Promise.all([0, 1, 2, 3, 4].map((i) => set(i)))
    const tooLarge = answers.filter(({ status }) => status !== 200)
    expect(tooLarge.map(({ status, body }) => [status, body['errcode']])).toEqual([
      [400, 'M_PROFILE_TOO_LARGE'],
      [400, 'M_PROFILE_TOO_LARGE'],
    ])
    expect(Object.keys(await dora.get(path(dora.userId)))).toHaveLength(3)
  })

  it('is there as long as the account is', async () => {
    const erin = await server.register('erin')
    await erin.put(path(erin.userId, 'displayname'), { displayname: 'Erin' })
    const userNid = (await server.store.users.find(erin.userId as UserId))!
    await server.store.accounts.deactivate(userNid, 1)
    expect(await refusal(alice, 'GET', path(erin.userId))).toEqual([404, 'M_NOT_FOUND'])
    await server.store.accounts.delete(userNid)
    expect(await refusal(alice, 'GET', path(erin.userId))).toEqual([404, 'M_NOT_FOUND'])
    expect(await server.store.profiles.findAll([userNid])).toEqual([])
  })

  it('are what users may change', async () => {
    const { capabilities } = (await alice.get('capabilities')) as { capabilities: Record<string, unknown> }
    expect(capabilities).toMatchObject({
      'm.profile_fields': { enabled: true },
      'm.set_displayname': { enabled: true },
      'm.set_avatar_url': { enabled: true },
    })
  })

  it('[E-049] go into the member events of those who create, are invited, and join', async () => {
    const [fay, gus] = [await server.register('fay'), await server.register('gus')]
    await fay.put(path(fay.userId, 'displayname'), { displayname: 'Fay' })
    await gus.put(path(gus.userId, 'displayname'), { displayname: 'Gus' })
    await gus.put(path(gus.userId, 'avatar_url'), { avatar_url: 'mxc://hearth.test/gus' })
    const member = (room: string, userId: string) =>
      fay.get(`rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(userId)}`)

    const room = await fay.createRoom({ invite: [gus.userId], is_direct: true })
    expect(await member(room, fay.userId)).toEqual({ membership: 'join', displayname: 'Fay' })
    const invited = { displayname: 'Gus', avatar_url: 'mxc://hearth.test/gus' }
    expect(await member(room, gus.userId)).toEqual({ membership: 'invite', is_direct: true, ...invited })
    await gus.join(room)
    expect(await member(room, gus.userId)).toEqual({ membership: 'join', ...invited })
    await gus.leave(room)
    expect(await member(room, gus.userId)).toEqual({ membership: 'leave' })
    await fay.invite(room, gus.userId)
    expect(await member(room, gus.userId)).toEqual({ membership: 'invite', ...invited })
  })

  it('go into them on every process of the server', async () => {
    await using second = await TestServer.start({ database: server.database })
    const hal = await server.register('hal')
    const elsewhere = hal.at(second.url)
    const displayname = async (room: string) =>
      (await hal.get(`rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(hal.userId)}`))[
        'displayname'
      ]
    expect(await displayname(await elsewhere.createRoom())).toBeUndefined()
    await hal.put(path(hal.userId, 'displayname'), { displayname: 'Hal' })
    await expect.poll(async () => displayname(await elsewhere.createRoom()), { timeout: 60_000 }).toBe('Hal')
  })

  it('of a room can be other than that of the account', async () => {
    const gus = await server.anonymous.logIn('gus', `gus's password`)
    const room = await gus.createRoom()
    const own = `rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(gus.userId)}`
    const before = await gus.setState(room, 'm.room.member', { membership: 'join' }, gus.userId)
    const first = await gus.setState(room, 'm.room.member', { membership: 'join', displayname: 'Here' }, gus.userId)
    expect(first).not.toBe(before)
    expect(await gus.get(own)).toMatchObject({ membership: 'join', displayname: 'Here' })
    // Setting it back takes what the profile says.
    await gus.setState(room, 'm.room.member', { membership: 'join' }, gus.userId)
    expect(await gus.get(own)).toMatchObject({ displayname: 'Gus' })
  })
})
