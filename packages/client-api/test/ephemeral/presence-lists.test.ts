import type { JsonObject, UserId } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

const v1 = '/_matrix/client/api/v1'

interface Page {
  readonly end: string
  readonly chunk: readonly JsonObject[]
}

describe('presence lists', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let run = 0

  beforeAll(async () => {
    server = await TestServer.start()
  })
  beforeEach(async () => {
    run += 1
    ;[alice, bob] = [await server.register(`alice${run}`), await server.register(`bob${run}`)]
  })
  afterAll(() => server.stop())

  const path = (client: TestClient) => `${v1}/presence/list/${encodeURIComponent(client.userId)}`
  const status = (of: TestClient) => `${v1}/presence/${encodeURIComponent(of.userId)}/status`
  const list = async (client: TestClient) => (await client.get(path(client)))['list'] as JsonObject[]
  const change = (client: TestClient, body: Record<string, readonly TestClient[]>) => {
    const lists = Object.entries(body).map(([key, clients]) => [key, clients.map(({ userId }) => userId)])
    return client.post(path(client), Object.fromEntries(lists))
  }
  const refused = async (client: TestClient, body: unknown, at = path(client)) => {
    const answer = await client.request('POST', at, { body })
    return [answer.status, answer.body['errcode']]
  }
  const events = async (client: TestClient, query: Record<string, string | number> = {}) =>
    (await client.get(`${v1}/events`, { timeout: 0, ...query })) as unknown as Page
  const befriend = async () => {
    await change(alice, { invite: [bob] })
    await change(bob, { accept: [alice] })
  }
  /** Accounts that nobody is logged in to. */
  const strangers = async (count: number): Promise<number[]> => {
    const { users, accounts } = server.store
    const names = Array.from({ length: count }, (_, index) => `stranger${run}.${index}`)
    const nids = await users.internAll(names.map((name) => `@${name}:hearth.test` as UserId))
    for (const [index, userNid] of [...nids.values()].entries()) {
      await accounts.insert({ userNid, localpart: names[index]!, passwordHash: null, isAdmin: false, createdTs: 0 })
    }
    return [...nids.values()]
  }
  const nidOf = async ({ userId }: TestClient) => (await server.store.users.find(userId as UserId))!
  const invitation = () => ({
    type: 'm.presence_invite',
    content: { observer_user: alice.userId, observed_user: bob.userId },
  })

  it('[C-142] [C-143] [C-144] [X-21] [S-095] [H-20] show who was asked and accepted, nobody before', async () => {
    const { end: from } = await events(bob)
    const waiting = events(bob, { from, timeout: 30_000 })
    expect(await change(alice, { invite: [bob] })).toEqual({})
    const { chunk, end } = await waiting
    expect(chunk).toEqual([invitation()])
    expect((await events(bob, { from: end })).chunk).toEqual([])
    expect(await bob.get(`${v1}/initialSync`)).toMatchObject({ presence_invites: [invitation()] })
    expect(await list(alice)).toEqual([])
    expect((await alice.request('GET', status(bob))).status).toBe(403)

    await change(bob, { accept: [alice] })
    await bob.put(status(bob), { presence: 'free_for_chat', status_msg: 'here' })
    const seen = { presence: 'free_for_chat', status_msg: 'here', last_active_ago: expect.any(Number) as number }
    expect(await list(alice)).toEqual([{ user_id: bob.userId, ...seen }])
    expect(await alice.get(status(bob))).toEqual(seen)
    expect(await bob.get(`${v1}/initialSync`)).toMatchObject({ presence_invites: [] })
    // That Alice sees Bob does not show her to him.
    expect(await list(bob)).toEqual([])
    expect((await bob.request('GET', status(alice))).status).toBe(403)

    await change(alice, { drop: [bob] })
    expect(await list(alice)).toEqual([])
    expect((await alice.request('GET', status(bob))).status).toBe(403)
  })

  it('[X-09] have a path without a user, which is that of whoever asks', async () => {
    await alice.post(`${v1}/presence/list`, { invite: [bob.userId] })
    await bob.post(`${v1}/presence/list`, { accept: [alice.userId] })
    expect((await alice.get(`${v1}/presence/list`))['list']).toMatchObject([{ user_id: bob.userId }])
  })

  it('[M-29] [E-034] [E-038] wake who waits in the event stream and in sync, though no room is shared', async () => {
    const { next_batch: since } = await alice.sync()
    await befriend()
    await bob.put(status(bob), { presence: 'online' })
    expect((await alice.sync({ since })).presence?.events.map(({ sender }) => sender)).toContain(bob.userId)
    const [{ end: from }, { next_batch: next }] = [await events(alice), await alice.sync()]
    const waiting = Promise.all([
      events(alice, { from, timeout: 30_000 }),
      alice.sync({ since: next, timeout: 30_000 }),
    ])
    await bob.put(status(bob), { presence: 'unavailable', status_msg: 'away' })
    const [{ chunk }, synced] = await waiting
    const told = { user_id: bob.userId, presence: 'unavailable', status_msg: 'away' }
    expect(chunk).toEqual([{ type: 'm.presence', content: expect.objectContaining(told) as JsonObject }])
    expect(synced.presence?.events).toMatchObject([{ sender: bob.userId, content: { presence: 'unavailable' } }])
  })

  it('tell no more of who was dropped, or has changed their mind', async () => {
    for (const end of [() => change(alice, { drop: [bob] }), () => change(bob, { deny: [alice] })]) {
      await befriend()
      await bob.put(status(bob), { presence: 'online' })
      const { end: from } = await events(alice)
      await end()
      await bob.put(status(bob), { presence: 'unavailable' })
      expect((await events(alice, { from })).chunk).toEqual([])
      expect(await list(alice)).toEqual([])
    }
  })

  it('[S-097] accept by themselves whoever sees the one who asks', async () => {
    await befriend()
    await change(bob, { invite: [alice] })
    expect(await list(bob)).toMatchObject([{ user_id: alice.userId }])
  })

  it('[S-094] outlive the server, with what was asked', async () => {
    const carol = await server.register(`carol${run}`)
    await befriend()
    await change(carol, { invite: [bob] })
    await server.restart()
    expect(await list(alice)).toMatchObject([{ user_id: bob.userId, presence: 'offline' }])
    const { presence_invites: invites } = await bob.get(`${v1}/initialSync`)
    expect(invites).toMatchObject([{ content: { observer_user: carol.userId } }])
    await alice.sync({ set_presence: 'offline' })
    const { end: from } = await events(alice)
    await bob.put(status(bob), { presence: 'online' })
    expect((await events(alice, { from })).chunk).toMatchObject([{ content: { user_id: bob.userId } }])
  })

  it('are the same on every process of a deployment', async () => {
    await using other = await TestServer.start({ database: server.database })
    const elsewhere = bob.at(other.url)
    const { end: from } = await events(elsewhere)
    await change(alice, { invite: [bob] })
    // Whoever comes with a token of the one process is told by the other what was before it.
    await events(elsewhere, { from: (await events(alice)).end })
    expect((await events(elsewhere, { from })).chunk).toEqual([invitation()])
    await change(elsewhere, { accept: [alice] })
    await events(alice, { from: (await events(elsewhere)).end })
    await bob.put(status(bob), { presence: 'online', status_msg: 'here' })
    expect(await list(alice)).toMatchObject([{ user_id: bob.userId, status_msg: 'here' }])
    expect(await alice.get(`${v1}/initialSync`)).toMatchObject({
      presence: [{}, { content: { user_id: bob.userId, status_msg: 'here' } }],
    })
  })

  it('[C-143] belong to their users, and take only users of this server', async () => {
    const invite = (userId: unknown) => refused(alice, { invite: [userId] })
    expect(await refused(alice, { invite: [] }, path(bob))).toEqual([403, 'M_FORBIDDEN'])
    expect((await alice.request('GET', path(bob))).status).toBe(403)
    expect(await invite(alice.userId)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await invite('@bob:elsewhere.test')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await invite('@nobody:hearth.test')).toEqual([404, 'M_NOT_FOUND'])
    for (const bad of [1, null, 'bob', '@a\0:hearth.test', { __proto__: null }])
      expect((await invite(bad))[0]).toBe(400)
    expect((await refused(alice, { invite: bob.userId }))[0]).toBe(400)
    expect((await refused(alice, { drop: Array.from({ length: 21 }, () => bob.userId) }))[0]).toBe(400)
    expect(await change(alice, { invite: [bob, bob], drop: [bob, bob], accept: [bob], deny: [bob] })).toEqual({})
    expect(await list(alice)).toEqual([])
  })

  it('do not let people accept what nobody asked', async () => {
    await change(bob, { accept: [alice] })
    expect(await list(alice)).toEqual([])
    await change(alice, { invite: [bob] })
    await change(alice, { accept: [bob] })
    expect(await list(alice)).toEqual([])
  })

  it('do not let ignored users ask', async () => {
    await bob.put(`user/${encodeURIComponent(bob.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: { [alice.userId]: {} },
    })
    const { end: from } = await events(bob)
    await change(alice, { invite: [bob] })
    expect((await events(bob, { from })).chunk).toEqual([])
    expect(await bob.get(`${v1}/initialSync`)).toMatchObject({ presence_invites: [] })
  })

  it('have at most 200 users', async () => {
    const observerNid = await nidOf(alice)
    const rows = (await strangers(200)).map((observedNid) => ({
      pos: 1,
      observerNid,
      observedNid,
      state: 'asked' as const,
    }))
    await server.store.presenceLists.put(rows)
    expect(await refused(alice, { invite: [bob.userId] })).toEqual([403, 'M_USER_LIMIT_EXCEEDED'])
  })

  it('are at most 500 on which somebody is', async () => {
    const observedNid = await nidOf(bob)
    const rows = (await strangers(500)).map((observerNid) => ({
      pos: 1,
      observerNid,
      observedNid,
      state: 'asked' as const,
    }))
    await server.store.presenceLists.put(rows)
    expect(await refused(alice, { invite: [bob.userId] })).toEqual([403, 'M_USER_LIMIT_EXCEEDED'])
  })

  it('lose who closes their account', async () => {
    await befriend()
    const auth = { type: 'm.login.password', user: bob.userId, password: `bob${run}'s password` }
    await bob.post('account/deactivate', { auth })
    expect(await list(alice)).toEqual([])
  })
})
