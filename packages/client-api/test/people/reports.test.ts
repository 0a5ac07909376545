import type { EventId, RoomId } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('reports to the administrators', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let room: string
  let event: string

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
    room = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(room)
    event = await bob.sendText(room, 'something nasty')
  })

  afterAll(() => server.stop())

  const eventPath = (roomId: string, eventId: string) =>
    `rooms/${encodeURIComponent(roomId)}/report/${encodeURIComponent(eventId)}`
  const roomPath = (roomId: string) => `rooms/${encodeURIComponent(roomId)}/report`
  const userPath = (userId: string) => `users/${encodeURIComponent(userId)}/report`

  async function refusal(client: TestClient, path: string, body: unknown = { reason: 'x' }): Promise<unknown[]> {
    const answer = await client.request('POST', path, { body })
    return [answer.status, answer.body['errcode']]
  }

  it('are kept with who reported what, when and why', async () => {
    expect(await alice.post(eventPath(room, event), { reason: 'rude', score: -100 })).toEqual({})
    expect(await alice.post(roomPath(room), { reason: '' })).toEqual({})
    expect(await alice.post(userPath(bob.userId), { reason: 'spam' })).toEqual({})
    const { store } = server
    const [stored] = await store.events.findByIds([event as EventId])
    const roomNid = (await store.rooms.find(room as RoomId))!.nid
    const none = { eventNid: null, roomNid: null, userNid: null }
    expect(await store.reports.list(undefined, 10)).toMatchObject([
      { ...none, userNid: stored!.senderNid, reason: 'spam' },
      { ...none, roomNid, reason: '' },
      { ...none, roomNid, eventNid: stored!.nid, reason: 'rude' },
    ])
  })

  it('about the same are one, and the last reason stands', async () => {
    const before = await server.store.reports.list(undefined, 100)
    await alice.post(userPath(bob.userId), { reason: 'spam, again' })
    const after = await server.store.reports.list(undefined, 100)
    expect(after).toHaveLength(before.length)
    expect(after.map(({ reason }) => reason)).toContain('spam, again')
  })

  it('of an event need no reason, those of rooms and users do', async () => {
    expect(await bob.post(eventPath(room, event), {})).toEqual({})
    expect(await refusal(bob, roomPath(room), {})).toEqual([400, 'M_MISSING_PARAM'])
    expect(await refusal(bob, userPath(alice.userId), {})).toEqual([400, 'M_MISSING_PARAM'])
  })

  it('of rooms and users do not need the reporter to be in the room', async () => {
    const carol = await server.register('carol')
    await carol.post(roomPath(room), { reason: 'x' })
    await carol.post(userPath(bob.userId), { reason: 'x' })
  })

  it('of what is not there, or of a room that the reporter is not in, are not found', async () => {
    const carol = await server.anonymous.logIn('carol', `carol's password`)
    const missing = [404, 'M_NOT_FOUND']
    expect(await refusal(carol, eventPath(room, event))).toEqual(missing)
    const other = await carol.createRoom()
    expect(await refusal(carol, eventPath(other, event))).toEqual(missing)
    expect(await refusal(alice, eventPath(room, '$unknown'))).toEqual(missing)
    expect(await refusal(alice, eventPath('!unknown:hearth.test', event))).toEqual(missing)
    expect(await refusal(alice, roomPath('!unknown:hearth.test'))).toEqual(missing)
    expect(await refusal(alice, userPath('@nobody:hearth.test'))).toEqual(missing)
    expect(await refusal(alice, userPath('@nobody:elsewhere.test'))).toEqual(missing)
    expect(await refusal(server.anonymous, roomPath(room))).toEqual([401, 'M_MISSING_TOKEN'])
  })

  it('with a reason that is too long or no text are refused', async () => {
    expect(await refusal(alice, roomPath(room), { reason: 'x'.repeat(8 * 1024 + 1) })).toEqual([413, 'M_TOO_LARGE'])
    for (const reason of ['a\0b', 5, null]) {
      expect((await refusal(alice, roomPath(room), { reason }))[0]).toBe(400)
    }
  })

  it('are limited in number, and go with the account of whoever made them', async () => {
    const dora = await server.register('dora')
    const doraNid = (await server.store.users.find(dora.userId as never))!
    // Users of other servers whom this one has come across.
    const ids = Array.from({ length: 1_000 }, (_, index) => `@u${index}:elsewhere.test`)
    const nids = await server.store.users.internAll(ids as never[])
    for (const userNid of nids.values()) {
      await server.store.reports.add({ reporterNid: doraNid, userNid, reason: '', receivedTs: 1 }, 1_000)
    }
    expect(await refusal(dora, roomPath(room))).toEqual([403, 'M_USER_LIMIT_EXCEEDED'])
    // What is reported already can be said again.
    expect(await dora.post(userPath(ids[0]!), { reason: 'again' })).toEqual({})
    await server.store.accounts.delete(doraNid)
    const left = await server.store.reports.list(undefined, 2_000)
    expect(left.filter(({ reporterNid }) => reporterNid === doraNid)).toEqual([])
  })
})
