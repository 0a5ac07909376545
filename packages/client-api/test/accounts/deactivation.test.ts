import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { passwordAuth } from './password-auth.ts'

const password = 'correct horse'

describe('POST /account/deactivate', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let name: string
  let names = 0

  beforeAll(async () => {
    server = await TestServer.start()
    bob = await server.register('bob', password)
  })

  beforeEach(async () => {
    name = `alice${++names}`
    alice = await server.register(name, password)
  })

  afterAll(() => server.stop())

  const deactivate = (body: JsonObject = {}, word = password): Promise<TestAnswer> =>
    alice.request('POST', 'account/deactivate', { body: { auth: passwordAuth(alice.userId, word), ...body } })

  async function logIn(): Promise<unknown[]> {
    const body = { ...passwordAuth(name, password) }
    const answer = await server.anonymous.request('POST', 'login', { body })
    return [answer.status, answer.body['errcode']]
  }

  async function membershipIn(roomId: string): Promise<unknown> {
    const path = `rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(alice.userId)}`
    return (await bob.request('GET', path)).body['membership']
  }

  it('asks for the password', async () => {
    expect((await alice.request('POST', 'account/deactivate')).status).toBe(401)
    const { status, body } = await deactivate({}, 'wrong')
    expect(status).toBe(401)
    expect(body).toMatchObject({ errcode: 'M_FORBIDDEN', flows: [{ stages: ['m.login.password'] }], completed: [] })
    expect((await alice.request('GET', 'account/whoami')).status).toBe(200)
  })

  it('[S-52] ends all sessions, and lets nobody in again', async () => {
    const other = await server.anonymous.logIn(name, password)
    await alice.put(`user/${encodeURIComponent(alice.userId)}/account_data/com.example`, { a: 1 })
    const answer = await deactivate()
    expect([answer.status, answer.body]).toEqual([200, { id_server_unbind_result: 'success' }])
    for (const client of [alice, other]) {
      expect((await client.request('GET', 'account/whoami')).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    }
    expect(await logIn()).toEqual([403, 'M_USER_DEACTIVATED'])
    const nid = await server.store.users.intern(alice.userId as never)
    for (const table of ['devices', 'account_data', 'filters']) {
      const rows = await server.store.database.query(null, `select from ${table} where user_nid = $1`, [nid])
      expect(rows).toEqual([])
    }
  })

  it('keeps the name from others', async () => {
    await deactivate()
    const auth = { type: 'm.login.dummy' }
    const { body } = await server.anonymous.request('POST', 'register', { body: { username: name, password, auth } })
    expect(body).toMatchObject({ errcode: 'M_USER_IN_USE' })
    const available = await server.anonymous.request('GET', 'register/available', { query: { username: name } })
    expect(available.body).toMatchObject({ errcode: 'M_USER_IN_USE' })
  })

  it('forgets the password and the profile as well when the account is to be erased', async () => {
    await alice.put(`profile/${encodeURIComponent(alice.userId)}/displayname`, { displayname: 'Alice' })
    await deactivate({ erase: true })
    const nid = await server.store.users.intern(alice.userId as never)
    expect(await server.store.profiles.findAll([nid])).toEqual([])
    expect(await server.store.accounts.findByLocalpart([name])).toMatchObject({ passwordHash: null })
    expect(await logIn()).toEqual([403, 'M_FORBIDDEN'])
  })

  it('leaves all rooms and rejects all invitations, also those of which a restart comes in between', async () => {
    const rooms: string[] = []
    for (let i = 0; i < 3; i++) {
      const roomId = await bob.createRoom({ preset: 'public_chat' })
      await alice.join(roomId)
      rooms.push(roomId)
    }
    const invited = await bob.createRoom({ invite: [alice.userId] })
    const left = await bob.createRoom({ preset: 'public_chat' })
    await alice.join(left)
    await alice.leave(left)
    await deactivate()
    await server.restart()
    const memberships = () => Promise.all([...rooms, invited].map(membershipIn))
    await expect.poll(memberships).toEqual(['leave', 'leave', 'leave', 'leave'])
    const jobs = () => server.store.database.query(null, `select kind from jobs where kind <> 'media-sweep'`)
    await expect.poll(jobs).toEqual([])
  })

  it('does not fail over a room that cannot be left', async () => {
    const first = await bob.createRoom({ preset: 'public_chat' })
    const second = await bob.createRoom({ preset: 'public_chat' })
    await alice.join(first)
    await alice.join(second)
    // Gone between the answer and the job, as when another device leaves.
    const { nid } = (await server.store.rooms.find(first as never))!
    await server.store.roomDeletion.delete(nid)
    await deactivate()
    await expect.poll(() => membershipIn(second)).toBe('leave')
  })
})
