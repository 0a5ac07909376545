import { TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeEach, beforeAll, describe, expect, it, vi } from 'vitest'

let names = 0

describe('somebody who is ignored', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let carol: TestClient
  let room: string

  beforeAll(async () => {
    server = await TestServer.start()
  })

  afterAll(() => server.stop())

  beforeEach(async () => {
    names += 1
    const people = ['alice', 'bob', 'carol'].map((name) => server.register(`${name}${names}`))
    ;[alice, bob, carol] = (await Promise.all(people)) as [TestClient, TestClient, TestClient]
    room = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(room)
    await carol.join(room)
  })

  const ignore = (client: TestClient, ...users: readonly TestClient[]) =>
    client.put(`user/${encodeURIComponent(client.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: Object.fromEntries(users.map(({ userId }) => [userId, {}])),
    })

  const texts = ({ rooms }: SyncAnswer) =>
    rooms?.join?.[room]?.timeline.events.flatMap(({ content }) => content['body'] ?? []) ?? []

  const inRoom = (path: string) => `rooms/${encodeURIComponent(room)}/${path}`

  it('sends nothing down a sync, whether it is a first one or a later one', async () => {
    await bob.sendText(room, 'from bob')
    await carol.sendText(room, 'from carol')
    expect(texts(await alice.sync())).toEqual(['from bob', 'from carol'])
    await ignore(alice, bob)
    const first = await alice.sync()
    expect(texts(first)).toEqual(['from carol'])
    expect(first.rooms!.join![room]!.timeline.limited).toBe(false)

    await bob.sendText(room, 'more from bob')
    const second = await alice.sync({ since: first.next_batch })
    expect(second.rooms?.join ?? {}).toEqual({})
    await carol.sendText(room, 'more from carol')
    const third = await alice.sync({ since: second.next_batch })
    expect(texts(third)).toEqual(['more from carol'])
    // Others are not concerned.
    expect(texts(await carol.sync())).toEqual(['from bob', 'from carol', 'more from bob', 'more from carol'])
  })

  it('does not end a wait', async () => {
    await ignore(alice, bob)
    const { next_batch: since } = await alice.sync()
    const waiting = alice.sync({ since, timeout: 10_000 })
    await bob.sendText(room, 'from bob')
    await carol.sendText(room, 'from carol')
    expect(texts(await waiting)).toEqual(['from carol'])
  })

  it('is seen to change the state all the same', async () => {
    await ignore(alice, bob)
    const { next_batch: since } = await alice.sync()
    await alice.setState(room, 'm.room.power_levels', { users: { [alice.userId]: 100, [bob.userId]: 100 } }).catch(() =>
      // From version 12 on, a creator is not listed.
      alice.setState(room, 'm.room.power_levels', { users: { [bob.userId]: 100 } }),
    )
    await bob.setState(room, 'm.room.name', { name: `Bob's` })
    const { rooms } = await alice.sync({ since })
    const named = rooms!.join![room]!.timeline.events.find(({ type }) => type === 'm.room.name')
    expect(named?.sender).toBe(bob.userId)
  })

  it('is heard again when the list no longer has them, but not what was missed', async () => {
    await ignore(alice, bob)
    const { next_batch: before } = await alice.sync()
    await bob.sendText(room, 'missed')
    const { next_batch: since } = await alice.sync({ since: before })
    await ignore(alice)
    await bob.sendText(room, 'heard')
    expect(texts(await alice.sync({ since }))).toEqual(['heard'])
    expect(texts(await alice.sync())).toEqual(['missed', 'heard'])
  })

  it('is not in pages, contexts and events either', async () => {
    const anchor = await carol.sendText(room, 'one')
    const hidden = await bob.sendText(room, 'two')
    await carol.sendText(room, 'three')
    await ignore(alice, bob)
    const bodies = (events: unknown) =>
      (events as { content: { body?: string } }[]).flatMap(({ content }) => content.body ?? [])
    const page = await alice.get(inRoom('messages'), { dir: 'b', limit: 3 })
    expect(bodies(page['chunk'])).toEqual(['three', 'one'])
    const context = await alice.get(inRoom(`context/${encodeURIComponent(anchor)}`), { limit: 10 })
    expect(bodies(context['events_after'])).toEqual(['three'])
    for (const path of [`event/${encodeURIComponent(hidden)}`, `context/${encodeURIComponent(hidden)}`]) {
      const answer = await alice.request('GET', inRoom(path))
      expect([answer.status, answer.body['errcode']]).toEqual([404, 'M_NOT_FOUND'])
    }
    expect((await carol.request('GET', inRoom(`event/${encodeURIComponent(hidden)}`))).status).toBe(200)
  })

  it('is not seen to type or to have read anything', async () => {
    const eventId = await alice.sendText(room, 'anybody?')
    await ignore(alice, bob)
    const { next_batch: since } = await alice.sync()
    for (const reader of [bob, carol]) {
      await reader.put(inRoom(`typing/${encodeURIComponent(reader.userId)}`), { typing: true })
      await reader.post(inRoom(`receipt/m.read/${encodeURIComponent(eventId)}`))
    }
    for (const answer of [await alice.sync({ since }), await alice.sync()]) {
      const { ephemeral } = answer.rooms!.join![room] as unknown as { ephemeral: { events: unknown[] } }
      const text = JSON.stringify(ephemeral.events)
      expect(text).toContain(carol.userId)
      expect(text).not.toContain(bob.userId)
    }
    await bob.put(inRoom(`typing/${encodeURIComponent(bob.userId)}`), { typing: false })
    await carol.put(inRoom(`typing/${encodeURIComponent(carol.userId)}`), { typing: false })
  })

  it('is not seen to be there', async () => {
    await ignore(alice, bob)
    const { next_batch: since } = await alice.sync()
    const sendersIn = (answer: SyncAnswer) =>
      (answer as unknown as { presence?: { events: { sender: string }[] } }).presence?.events.map(
        ({ sender }) => sender,
      )
    for (const client of [bob, carol]) {
      await client.put(`presence/${encodeURIComponent(client.userId)}/status`, { presence: 'unavailable' })
    }
    for (const answer of [await alice.sync({ since }), await alice.sync()]) {
      expect(sendersIn(answer)).toContain(carol.userId)
      expect(sendersIn(answer)).not.toContain(bob.userId)
    }
  })

  it('invites to nothing, in any API', async () => {
    const invitations = ({ rooms }: SyncAnswer) => Object.keys(rooms?.invite ?? {})
    const { next_batch: since } = await alice.sync()
    const early = await bob.createRoom({ invite: [alice.userId] })
    expect(invitations(await alice.sync({ since }))).toEqual([early])
    const { end: from } = await alice.get('/_matrix/client/api/v1/events', { timeout: 0 })
    await ignore(alice, bob)
    const late = await bob.createRoom({ invite: [alice.userId] })
    const welcome = await carol.createRoom({ invite: [alice.userId] })
    expect(invitations(await alice.sync())).toEqual([welcome])
    expect(invitations(await alice.sync({ since }))).toEqual([welcome])
    const snapshot = await alice.get('/_matrix/client/api/v1/initialSync')
    const invited = (snapshot['rooms'] as { room_id: string; membership: string }[]).filter(
      ({ membership }) => membership === 'invite',
    )
    expect(invited.map(({ room_id: id }) => id)).toEqual([welcome])
    const stream = await alice.get('/_matrix/client/api/v1/events', { from: from as string, timeout: 0 })
    const members = (stream['chunk'] as { type: string; room_id: string }[]).filter(
      ({ type }) => type === 'm.room.member',
    )
    expect(members.map(({ room_id: id }) => id)).toEqual([welcome])
    // What was sent to them is still theirs to accept.
    await alice.join(late)
  })

  it('may be anything in the list: nonsense ignores nobody, and nobody ignores themselves', async () => {
    await alice.sendText(room, 'from alice')
    await bob.sendText(room, 'from bob')
    const put = (content: unknown) =>
      alice.put(`user/${encodeURIComponent(alice.userId)}/account_data/m.ignored_user_list`, content)
    for (const content of [
      {},
      { ignored_users: null },
      { ignored_users: [bob.userId] },
      { ignored_users: bob.userId },
    ]) {
      await put(content)
      expect(texts(await alice.sync())).toEqual(['from alice', 'from bob'])
    }
    await put(`{"ignored_users":{"__proto__":{},"constructor":{},"${alice.userId}":5}}`)
    expect(texts(await alice.sync())).toEqual(['from alice', 'from bob'])
    await ignore(alice, alice, bob)
    expect(texts(await alice.sync())).toEqual(['from alice'])
  })

  it('is ignored on every process of the server', async () => {
    await using second = await TestServer.start({ database: server.database })
    const elsewhere = alice.at(second.url)
    await bob.sendText(room, 'from bob')
    await expect.poll(async () => texts(await elsewhere.sync()), { timeout: 60_000 }).toEqual(['from bob'])
    await ignore(alice, bob)
    await expect.poll(async () => texts(await elsewhere.sync()), { timeout: 60_000 }).toEqual([])
  })

  it('is looked up once, and after a restart again', async () => {
    await ignore(alice, bob)
    const { next_batch } = await alice.sync()
    const find = vi.spyOn(server.store.database, 'read')
    let since = next_batch
    for (let i = 0; i < 5; i++) {
      await bob.sendText(room, `from bob ${i}`)
      since = (await alice.sync({ since })).next_batch
    }
    expect(find.mock.calls.filter(([name]) => String(name) === 'accountData.find')).toEqual([])
    find.mockRestore()
    await server.restart()
    expect(texts(await alice.sync())).toEqual([])
  })
})
