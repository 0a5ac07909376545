import { TestServer, UnexpectedAnswer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { passwordAuth } from './password-auth.ts'

const password = 'correct horse'
const v1 = '/_matrix/client/v1'
const enc = encodeURIComponent

describe('administrators', () => {
  let server: TestServer
  let root: TestClient
  let other: TestClient
  let alice: TestClient
  let names = 0

  beforeAll(async () => {
    server = await TestServer.start({ settings: { HEARTH_REGISTRATION_GUESTS: 'true' } })
    ;[root, other] = [await server.register('root'), await server.register('other')]
    for (const { userId } of [root, other]) {
      await server.store.accounts.setAdmin((await server.store.users.find(userId as never))!, true)
    }
  })
  beforeEach(async () => (alice = await server.register(`alice${(names += 1)}`, password)))
  afterAll(() => server.stop())

  const lock = (userId: string, locked: boolean, client = root) =>
    client.request('PUT', `${v1}/admin/lock/${enc(userId)}`, { body: { locked } })
  const suspend = (userId: string, suspended: boolean, client = root) =>
    client.request('PUT', `${v1}/admin/suspend/${enc(userId)}`, { body: { suspended } })
  const refusal = ({ status, body }: TestAnswer) => [status, body['errcode']]

  describe('lock accounts', () => {
    it('out of every session, which go on when they are unlocked', async () => {
      const laptop = await alice.logIn(alice.userId, password)
      const { next_batch: since } = await alice.sync()
      const waiting = alice.sync({ since, timeout: 30_000 }).catch((error: unknown) => error)
      expect(await lock(alice.userId, true)).toMatchObject({ status: 200, body: { locked: true } })
      const ended = await waiting
      expect(ended).toBeInstanceOf(UnexpectedAnswer)
      expect((ended as UnexpectedAnswer).answer).toMatchObject({ status: 401, body: { errcode: 'M_USER_LOCKED' } })
      for (const device of [alice, laptop]) {
        expect(await device.request('GET', 'account/whoami')).toMatchObject({
          status: 401,
          body: { errcode: 'M_USER_LOCKED', soft_logout: true },
        })
      }
      expect(await root.get(`${v1}/admin/lock/${enc(alice.userId)}`)).toEqual({ locked: true })
      // They can log out all the same.
      await laptop.post('logout')
      expect(await lock(alice.userId, false)).toMatchObject({ status: 200, body: { locked: false } })
      expect((await alice.get('account/whoami'))['user_id']).toBe(alice.userId)
      expect((await laptop.request('GET', 'account/whoami')).status).toBe(401)
    })

    it('for other processes as well', async () => {
      const second = await TestServer.start({ database: server.database })
      try {
        const there = alice.at(second.url)
        await there.get('account/whoami')
        await lock(alice.userId, true)
        const asked = async () => (await there.request('GET', 'account/whoami')).body['errcode']
        await expect.poll(asked, { timeout: 30_000 }).toBe('M_USER_LOCKED')
      } finally {
        await second.stop()
      }
    })
  })

  describe('suspend accounts', () => {
    it('which then read and leave, and do nothing that others would see', async () => {
      const room = await alice.createRoom({ preset: 'public_chat' })
      const open = await root.createRoom({ preset: 'public_chat' })
      const invited = await root.createRoom({ invite: [alice.userId] })
      const own = await alice.sendText(room, 'mine')
      await root.join(room)
      const roots = await root.sendText(room, 'of root')
      expect(await suspend(alice.userId, true)).toMatchObject({ status: 200, body: { suspended: true } })
      expect(await root.get(`${v1}/admin/suspend/${enc(alice.userId)}`)).toEqual({ suspended: true })
      const at = (path: string) => `rooms/${enc(room)}/${path}`
      const founding = (path: string) => `/_matrix/client/api/v1/${at(path)}`
      const content = { msgtype: 'm.text', body: 'hello' }
      const attempts: [method: string, path: string, body: unknown][] = [
        ['PUT', at('send/m.room.message/t1'), content],
        ['PUT', at('state/m.room.topic'), { topic: 'hello' }],
        ['POST', at('invite'), { user_id: other.userId }],
        ['POST', at('kick'), { user_id: root.userId }],
        ['POST', at('ban'), { user_id: root.userId }],
        ['POST', at('upgrade'), { new_version: '11' }],
        ['POST', `join/${enc(open)}`, {}],
        ['POST', `rooms/${enc(invited)}/join`, {}],
        ['POST', `knock/${enc(open)}`, {}],
        ['POST', 'createRoom', {}],
        ['PUT', `profile/${enc(alice.userId)}/displayname`, { displayname: 'Hello' }],
        ['DELETE', `profile/${enc(alice.userId)}/displayname`, undefined],
        ['PUT', `directory/room/${enc('#hello:hearth.test')}`, { room_id: room }],
        ['PUT', at(`redact/${enc(roots)}/t2`), {}],
        ['PUT', at('send/m.room.redaction/t3'), { redacts: roots }],
        ['POST', founding('send/m.room.message'), content],
        ['PUT', founding('state/m.room.topic'), { topic: 'hello' }],
        ['PUT', `/_matrix/client/api/v1/join/${enc(open)}/t4`, {}],
        ['POST', '/_matrix/client/api/v1/createRoom', {}],
      ]
      for (const [method, path, body] of attempts) {
        const answer = await alice.request(method, path, { body })
        expect(refusal(answer), `${method} ${path}`).toEqual([403, 'M_USER_SUSPENDED'])
      }
      expect((await alice.sync()).rooms!.join).toHaveProperty([room])
      await alice.logIn(alice.userId, password)
      await alice.put(at(`redact/${enc(own)}/t5`))
      await alice.leave(invited)
      await alice.leave(room)
      await suspend(alice.userId, false)
      await alice.createRoom()
    })
  })

  it('are alone in that, and do it neither to themselves nor to one another', async () => {
    for (const restrict of [lock, suspend]) {
      expect(refusal(await restrict('@nobody:hearth.test', true, alice))).toEqual([403, 'M_FORBIDDEN'])
      expect(refusal(await restrict('@alice:other.test', true))).toEqual([400, 'M_INVALID_PARAM'])
      expect(refusal(await restrict('@nobody:hearth.test', true))).toEqual([404, 'M_NOT_FOUND'])
      expect(refusal(await restrict(root.userId, true))).toEqual([403, 'M_FORBIDDEN'])
      expect(refusal(await restrict(other.userId, true))).toEqual([403, 'M_FORBIDDEN'])
      await alice.get('account/whoami')
    }
    for (const restriction of ['lock', 'suspend']) {
      const read = (client: TestClient, userId: string) =>
        client.request('GET', `${v1}/admin/${restriction}/${enc(userId)}`)
      expect(refusal(await read(alice, alice.userId))).toEqual([403, 'M_FORBIDDEN'])
      expect(refusal(await read(root, other.userId))).toEqual([403, 'M_FORBIDDEN'])
    }
    await alice.post('account/deactivate', { auth: passwordAuth(alice.userId, password) })
    expect(refusal(await lock(alice.userId, true))).toEqual([404, 'M_NOT_FOUND'])
    const capabilities = async (client: TestClient) => (await client.get('capabilities'))['capabilities']
    expect(await capabilities(root)).toMatchObject({ 'm.account_moderation': { suspend: true, lock: true } })
    const bob = await server.register(`bob${names}`)
    expect(await capabilities(bob)).not.toHaveProperty(['m.account_moderation'])
  })

  it('see where somebody was last, as everybody sees of themselves', async () => {
    const path = `admin/whois/${enc(alice.userId)}`
    const seen = await alice.get(path)
    expect(seen).toEqual({
      user_id: alice.userId,
      devices: {
        [alice.deviceId]: {
          sessions: [{ connections: [{ ip: expect.any(String) as string, last_seen: expect.any(Number) as number }] }],
        },
      },
    })
    expect(Object.keys((await root.get(path))['devices'] as object)).toEqual([alice.deviceId])
    const bob = await server.register(`carol${names}`)
    expect(refusal(await bob.request('GET', path))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusal(await bob.request('GET', `admin/whois/${enc('@nobody:hearth.test')}`))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusal(await root.request('GET', `admin/whois/${enc('@nobody:hearth.test')}`))).toEqual([
      404,
      'M_NOT_FOUND',
    ])
  })
})
