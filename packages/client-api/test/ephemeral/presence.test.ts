import type { JsonObject } from '@hearth/protocol'
import { FakeClock } from '@hearth/runtime'
import { TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'

const minute = 60_000

describe('presence', () => {
  const clock = new FakeClock()
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let stranger: TestClient
  let roomId: string
  let run = 0

  const servers: TestServer[] = []
  beforeEach(async () => {
    if (servers.length === 0) servers.push(await TestServer.start({ clock }))
    server = servers[0]!
    run += 1
    alice = await server.register(`alice${run}`)
    bob = await server.register(`bob${run}`)
    stranger = await server.register(`stranger${run}`)
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })
  afterAll(() => server.stop())

  const path = (userId: string) => `presence/${encodeURIComponent(userId)}/status`
  const founding = (userId: string) => `/_matrix/client/api/v1/${path(userId)}`
  const set = (client: TestClient, presence: string, statusMsg?: string) =>
    client.put(path(client.userId), { presence, ...(statusMsg !== undefined && { status_msg: statusMsg }) })
  const status = (client: TestClient, of: TestClient = client) => client.get(path(of.userId))
  const online = (client: TestClient, query: Record<string, string | number> = {}) =>
    client.sync({ set_presence: 'online', ...query })
  const someoneWaits = () =>
    expect
      .poll(async () => (await server.anonymous.request('GET', '/metrics')).text, { interval: 5, timeout: 60_000 })
      .toMatch(/^hearth_sync_waiters [1-9]/m)
  /** What an answer tells of somebody. */
  const of = (client: TestClient, answer: SyncAnswer): JsonObject[] =>
    (answer.presence?.events ?? []).flatMap((event) => (event.sender === client.userId ? [event.content] : []))

  it('is online for who syncs, in the first answer already', async () => {
    const answer = await online(alice)
    expect(of(alice, answer)).toEqual([{ presence: 'online', last_active_ago: 0, currently_active: true }])
    const { next_batch: since } = answer
    expect(of(alice, await online(alice, { since }))).toEqual([])
  })

  it('is online for who syncs without saying anything of it', async () => {
    await alice.get('sync')
    expect(await status(bob, alice)).toMatchObject({ presence: 'online' })
  })

  it('stays offline for a sync with set_presence=offline, and is idle for one with unavailable', async () => {
    expect(of(alice, await alice.sync({ set_presence: 'offline' }))).toMatchObject([{ presence: 'offline' }])
    expect(await status(alice)).toMatchObject({ presence: 'offline' })
    expect(of(alice, await alice.sync({ set_presence: 'unavailable' }))).toMatchObject([{ presence: 'unavailable' }])
  })

  it('is told to who comes into a room, of those whose syncs do not count as well', async () => {
    const founder = await server.register(`founder${run}`)
    // They did something before anything followed their account.
    const tearoom = await founder.createRoom({ preset: 'public_chat' })
    await founder.sync()
    const { next_batch: since } = await online(stranger)
    await stranger.join(tearoom)
    const { presence, next_batch: next } = await online(stranger, { since })
    expect(presence?.events.map(({ sender }) => sender)).toContain(founder.userId)
    expect(of(founder, await online(stranger, { since: next }))).toEqual([])
  })

  it('wakes those who share a small room, and nobody else', async () => {
    const [{ next_batch: since }, { next_batch: other }] = [await alice.sync(), await stranger.sync()]
    const waiting = alice.sync({ since, timeout: 30_000 })
    await set(bob, 'online', 'I am here.')
    expect(of(bob, await waiting)).toMatchObject([{ presence: 'online', status_msg: 'I am here.' }])
    expect(of(bob, await stranger.sync({ since: other }))).toEqual([])
    expect(of(bob, await stranger.sync())).toEqual([])
    expect(of(bob, await alice.sync())).toHaveLength(1)
  })

  it('wakes them for a second change within a second when that is over', async () => {
    const { next_batch: since } = await alice.sync()
    await set(bob, 'online')
    const { next_batch: known } = await alice.sync({ since })
    const waiting = alice.sync({ since: known, timeout: 30_000 })
    await someoneWaits()
    await set(bob, 'unavailable', 'Gone again')
    await clock.advance(1_000)
    expect(of(bob, await waiting)).toMatchObject([{ presence: 'unavailable', status_msg: 'Gone again' }])
  })

  it('[S-088] is of the user as a whole: their other devices hear of it', async () => {
    const laptop = await server.anonymous.logIn(`alice${run}`, `alice${run}'s password`)
    const { next_batch: since } = await laptop.sync()
    await set(alice, 'unavailable')
    expect(of(alice, await laptop.sync({ since }))).toMatchObject([{ presence: 'unavailable' }])
  })

  it('of several devices is that of the one where somebody is', async () => {
    const laptop = await server.anonymous.logIn(`alice${run}`, `alice${run}'s password`)
    await alice.sync({ set_presence: 'unavailable' })
    await online(laptop)
    expect(await status(alice)).toMatchObject({ presence: 'online' })
    await alice.sync({ set_presence: 'unavailable' })
    expect(await status(alice)).toMatchObject({ presence: 'online' })
    await laptop.sync({ set_presence: 'unavailable' })
    expect(await status(alice)).toMatchObject({ presence: 'unavailable' })
  })

  it('[E-039] is offline half a minute after the last sync ended', async () => {
    await online(bob)
    const { next_batch: since } = await alice.sync()
    await clock.advance(29_000)
    expect(await status(alice, bob)).toMatchObject({ presence: 'online' })
    await clock.advance(2_000)
    expect(of(bob, await alice.sync({ since }))).toEqual([{ presence: 'offline', last_active_ago: 31_000 }])
  })

  it('stays online while a sync waits, and is idle after five minutes without doing anything', async () => {
    const { next_batch: since } = await online(bob)
    const waiting = online(bob, { since, timeout: 180_000 })
    await someoneWaits()
    const { next_batch: known } = await alice.sync()
    await clock.advance(2 * minute)
    expect(of(bob, await alice.sync({ since: known }))).toEqual([])
    expect(await status(alice, bob)).toEqual({
      presence: 'online',
      last_active_ago: 2 * minute,
      currently_active: false,
    })
    await clock.advance(minute)
    const { next_batch: next } = await waiting
    const again = online(bob, { since: next, timeout: 180_000 })
    await clock.advance(2 * minute + 1_000)
    expect(of(bob, await alice.sync({ since: known }))).toMatchObject([{ presence: 'unavailable' }])
    expect(of(bob, await again)).toMatchObject([{ presence: 'unavailable' }])
  })

  it('[E-042] [E-045] counts from the last thing that was done, when it is asked for', async () => {
    await online(bob)
    await clock.advance(5_000)
    await bob.sendText(roomId, 'hello')
    expect(await status(alice, bob)).toMatchObject({ last_active_ago: 0 })
    await clock.advance(2_000)
    expect(await status(alice, bob)).toMatchObject({ last_active_ago: 2_000 })
  })

  it('[E-043] [E-044] counts being more available as doing something, and being less as nothing', async () => {
    await set(bob, 'online')
    await clock.advance(5_000)
    await set(bob, 'unavailable')
    expect(await status(bob)).toMatchObject({ presence: 'unavailable', last_active_ago: 5_000 })
    await clock.advance(5_000)
    await set(bob, 'online')
    expect(await status(bob)).toMatchObject({ presence: 'online', last_active_ago: 0 })
  })

  it('is online again for who was away and does something', async () => {
    await set(bob, 'unavailable')
    await online(bob)
    expect(await status(bob)).toMatchObject({ presence: 'unavailable' })
    await bob.sendText(roomId, 'back')
    expect(await status(bob)).toMatchObject({ presence: 'online', currently_active: true })
  })

  it('comes with a room to who joins it, and with somebody who joins', async () => {
    await alice.sync()
    const { next_batch: since } = await stranger.sync()
    const { next_batch: known } = await alice.sync()
    await online(bob)
    await stranger.join(roomId)
    expect(of(bob, await stranger.sync({ since }))).toMatchObject([{ presence: 'online' }])
    expect(of(stranger, await alice.sync({ since: known }))).toEqual([{ presence: 'offline', last_active_ago: 0 }])
    await stranger.leave(roomId)
    const { next_batch: next } = await alice.sync()
    await online(stranger)
    expect(of(stranger, await alice.sync({ since: next }))).toEqual([])
  })

  it('[E-047] carries the name and the avatar, and tells of a new one', async () => {
    await bob.put(`profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname: 'Bob' })
    await online(bob)
    const { next_batch: since } = await alice.sync()
    expect(of(bob, await alice.sync())).toMatchObject([{ presence: 'online', displayname: 'Bob' }])
    await bob.put(`profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname: 'Robert' })
    expect(of(bob, await alice.sync({ since }))).toMatchObject([{ presence: 'online', displayname: 'Robert' }])
  })

  it('[X-20] of several devices is as old as what the last of them did', async () => {
    const laptop = await server.anonymous.logIn(`bob${run}`, `bob${run}'s password`)
    await set(bob, 'online')
    await clock.advance(10_000)
    await laptop.sendText(roomId, 'from the laptop')
    await clock.advance(4_000)
    await online(bob)
    expect(await status(alice, bob)).toMatchObject({ last_active_ago: 4_000 })
  })

  it('is left out by filters', async () => {
    await set(bob, 'online')
    const filters = [
      { types: [] },
      { not_types: ['m.presence'] },
      { senders: [stranger.userId] },
      { not_senders: [bob.userId] },
      { limit: 0 },
    ]
    for (const presence of filters) {
      expect(of(bob, await alice.sync({ filter: JSON.stringify({ presence }) }))).toEqual([])
    }
    const filter = JSON.stringify({ presence: { senders: [bob.userId], types: ['m.*'], limit: 5 } })
    expect(of(bob, await alice.sync({ filter }))).toHaveLength(1)
  })

  it('[SEC-33] [S-098] is set by the user alone, and seen by those who share a room', async () => {
    const answer = await alice.request('PUT', path(bob.userId), { body: { presence: 'online' } })
    expect([answer.status, answer.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    for (const userId of [alice.userId, '@nobody:hearth.test', '@alice:elsewhere.test']) {
      const refused = await stranger.request('GET', path(userId))
      expect([refused.status, refused.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    }
    await bob.leave(roomId)
    expect((await bob.request('GET', path(alice.userId))).status).toBe(403)
  })

  it('[E-036] may only be what there is', async () => {
    for (const body of [{}, { presence: 'x' }, { presence: 'hidden' }, { presence: 'online', status_msg: 5 }, []]) {
      expect((await alice.request('PUT', path(alice.userId), { body })).status).toBe(400)
    }
    const body = { presence: 'online', status_msg: 'x'.repeat(1_025) }
    expect((await alice.request('PUT', path(alice.userId), { body })).body['errcode']).toBe('M_INVALID_PARAM')
    expect((await alice.request('PUT', path(alice.userId), { body: { ...body, status_msg: 'a\0b' } })).status).toBe(400)
    await alice.put(path(alice.userId), { presence: 'online', status_msg: null })
    expect(await status(alice)).not.toHaveProperty('status_msg')
  })

  it('[S-091] tells when somebody who is offline was here last, after a restart too', async () => {
    await set(bob, 'online', 'until the restart')
    await server.restart()
    await clock.advance(minute)
    expect(await status(alice, bob)).toMatchObject({
      presence: 'offline',
      last_active_ago: expect.any(Number) as number,
    })
  })

  describe('of the founding API', () => {
    it('[E-036] [C-140] [C-141] [X-13] knows five states, and nothing else', async () => {
      for (const presence of ['online', 'unavailable', 'offline', 'free_for_chat', 'hidden']) {
        expect(await bob.put(founding(bob.userId), { presence })).toEqual({})
        expect(await bob.get(founding(bob.userId))).toMatchObject({ presence })
      }
      for (const body of [{ presence: 'x' }, { presence: 'online', x: 1 }, { presence: 'online', status_msg: 1 }]) {
        expect((await bob.request('PUT', founding(bob.userId), { body })).status).toBe(400)
      }
    })

    it('[E-040] [X-13] free_for_chat is online to clients of today', async () => {
      await bob.put(founding(bob.userId), { presence: 'free_for_chat' })
      expect(await alice.get(founding(bob.userId))).toMatchObject({ presence: 'free_for_chat' })
      expect(await status(alice, bob)).toMatchObject({ presence: 'online' })
      expect(of(bob, await alice.sync())).toMatchObject([{ presence: 'online' }])
    })

    it('[C-139] [H-19] [X-33] tells those who share a room, without name and avatar', async () => {
      await bob.put(`profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname: 'Bob' })
      await bob.put(founding(bob.userId), { presence: 'online', status_msg: 'here' })
      await clock.advance(3_000)
      expect(await alice.get(founding(bob.userId))).toEqual({
        presence: 'online',
        status_msg: 'here',
        last_active_ago: 3_000,
      })
      expect((await stranger.request('GET', founding(bob.userId))).status).toBe(403)
      const others = await alice.request('PUT', founding(bob.userId), { body: { presence: 'offline' } })
      expect([others.status, others.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    })

    it('[E-041] who is hidden is offline to others, and can do everything', async () => {
      await bob.put(founding(bob.userId), { presence: 'hidden' })
      await online(bob)
      await bob.sendText(roomId, 'from the shadows')
      expect(await alice.get(founding(bob.userId))).toMatchObject({ presence: 'offline' })
      expect(of(bob, await alice.sync())).toEqual([])
      expect(await bob.get(founding(bob.userId))).toMatchObject({ presence: 'hidden' })
      expect(await status(bob)).toMatchObject({ presence: 'offline' })
    })
  })
})
