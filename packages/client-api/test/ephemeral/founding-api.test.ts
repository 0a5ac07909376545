import type { JsonObject } from '@hearth/protocol'
import { TestClient, TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('typing, receipts and presence in the founding API', () => {
  const v1 = '/_matrix/client/api/v1'
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  let run = 0

  beforeAll(async () => {
    server = await TestServer.start({ settings: { HEARTH_REGISTRATION_GUESTS: 'true' } })
  })
  beforeEach(async () => {
    run += 1
    ;[alice, bob] = [await server.register(`alice${run}`), await server.register(`bob${run}`)]
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })
  afterAll(() => server.stop())

  type Event = { type: string; room_id?: string; sender?: string; content: JsonObject }
  const events = async (query: Record<string, string | number> = {}, api = v1) =>
    (await alice.get(`${api}/events`, { timeout: 0, ...query })) as unknown as { end: string; chunk: Event[] }
  const snapshot = async (path = 'initialSync', api = v1) =>
    (await alice.get(`${api}/${path}`)) as unknown as { end: string; presence: Event[]; receipts: Event[] }
  const room = () => `rooms/${encodeURIComponent(roomId)}`
  const read = (eventId: string) => bob.post(`${room()}/receipt/m.read/${encodeURIComponent(eventId)}`)

  it('[H-22] [C-037] typing comes in the stream, with its room and without a sender', async () => {
    const { end: from } = await events()
    const waiting = events({ from, timeout: 30_000 })
    await bob.put(`${v1}/${room()}/typing/${encodeURIComponent(bob.userId)}`, { typing: true, timeout: 20_000 })
    const { chunk, end } = await waiting
    expect(chunk).toEqual([{ type: 'm.typing', room_id: roomId, content: { user_ids: [bob.userId] } }])
    expect((await events({ from: end })).chunk).toEqual([])
    await bob.sendText(roomId, 'typed')
    expect((await events({ from: end })).chunk.map(({ type }) => type)).toEqual(['m.room.message'])
  })

  it('receipts come in the stream, each once', async () => {
    const eventId = await alice.sendText(roomId, 'hello')
    const { end: from } = await events()
    await read(eventId)
    const { chunk, end } = await events({ from })
    const content = { [eventId]: { 'm.read': { [bob.userId]: { ts: expect.any(Number) as number } } } }
    expect(chunk).toEqual([{ type: 'm.receipt', room_id: roomId, content }])
    expect((await events({ from: end })).chunk).toEqual([])
  })

  it('[H-10] [H-11] receipts are in the snapshots of the account and of the room', async () => {
    const eventId = await alice.sendText(roomId, 'hello')
    await read(eventId)
    const content = { [eventId]: { 'm.read': { [bob.userId]: { ts: expect.any(Number) as number } } } }
    const expected = [{ type: 'm.receipt', room_id: roomId, content }]
    expect((await snapshot()).receipts).toEqual(expected)
    expect((await snapshot(`${room()}/initialSync`)).receipts).toEqual(expected)
    await alice.leave(roomId)
    expect(await snapshot(`${room()}/initialSync`)).toMatchObject({ receipts: [], presence: [] })
  })

  it('[E-034] [E-035] [E-037] [X-33] presence comes in the stream, without a room, with name and avatar', async () => {
    await bob.put(`profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname: 'Bob' })
    const member = `${room()}/state/m.room.member/${encodeURIComponent(bob.userId)}`
    await expect.poll(async () => (await alice.get(member))['displayname'], { timeout: 60_000 }).toBe('Bob')
    const { end: from } = await events()
    const waiting = events({ from, timeout: 30_000 })
    await bob.get(`${v1}/events`, { timeout: 0 })
    const content = { user_id: bob.userId, presence: 'online', last_active_ago: expect.any(Number) as number }
    const [event, ...others] = (await waiting).chunk
    expect([event, others]).toEqual([{ type: 'm.presence', content: { ...content, displayname: 'Bob' } }, []])
    await bob.put(`${v1}/presence/${encodeURIComponent(bob.userId)}/status`, { presence: 'free_for_chat' })
    const presenceIn = async (api: string) =>
      (await events({ from }, api)).chunk.map((each) => [each.sender, each.content['presence']])
    expect(await presenceIn(v1)).toEqual([[undefined, 'free_for_chat']])
    expect(await presenceIn('/_matrix/client/v3')).toEqual([[bob.userId, 'online']])
  })

  describe('in a room that somebody only looks into', () => {
    type Page = { end: string; chunk: Event[] }
    let carol: TestClient
    let eventId: string

    beforeEach(async () => {
      eventId = await alice.sendText(roomId, 'hello')
      // Whoever follows their account is seen to be there.
      for (const client of [alice, bob]) await client.sync()
      const guest = await server.anonymous.request('POST', 'register', { query: { kind: 'guest' }, body: {} })
      const { access_token: accessToken, user_id: userId, device_id: deviceId } = guest.body as Record<string, string>
      carol = new TestClient({
        baseUrl: () => server.url,
        credentials: { accessToken: accessToken!, userId: userId!, deviceId: deviceId! },
      })
    })

    const open = (visibility = 'world_readable') =>
      alice.setState(roomId, 'm.room.history_visibility', { history_visibility: visibility })
    const peek = async (from?: string, timeout = 0, client = carol) =>
      (await client.get('events', { room_id: roomId, timeout, ...(from !== undefined && { from }) })) as unknown as Page
    const typing = (isTyping: boolean) =>
      bob.put(`${room()}/typing/${encodeURIComponent(bob.userId)}`, { typing: isTyping, timeout: 20_000 })

    it('messages, presence, receipts and typing come as they happen', async () => {
      await open()
      const steps: readonly (readonly [type: string, act: () => Promise<unknown>])[] = [
        ['m.room.message', () => alice.sendText(roomId, 'mice')],
        [
          'm.presence',
          () =>
            bob.put(`presence/${encodeURIComponent(bob.userId)}/status`, { presence: 'online', status_msg: 'tails' }),
        ],
        ['m.receipt', () => read(eventId)],
        ['m.typing', () => typing(true)],
        ['m.typing', () => typing(false)],
      ]
      let { end: from } = await peek()
      for (const [type, act] of steps) {
        // Presence that changes time and again wakes nobody, but comes with the next answer.
        const waiting = type === 'm.presence' ? undefined : peek(from, 30_000)
        await act()
        let page = (await waiting) ?? (await peek(from))
        // Somebody who sends a message is seen to be active, too.
        if (!page.chunk.some((event) => event.type === type)) page = await peek(page.end, 30_000)
        const event = page.chunk.find((each) => each.type === type)
        if (type === 'm.presence') expect(event?.content).toMatchObject({ user_id: bob.userId, status_msg: 'tails' })
        else expect(event?.room_id, type).toBe(roomId)
        from = page.end
      }
      expect((await peek(from)).chunk).toEqual([])
    })

    it('nothing comes to who was in it once, unless it is open, nor what is private', async () => {
      const dave = await server.register(`dave${run}`)
      await dave.join(roomId)
      await dave.leave(roomId)
      const { end } = await peek(undefined, 0, dave)
      const act = async () => {
        await typing(true)
        await read(eventId)
        await bob.put(`presence/${encodeURIComponent(bob.userId)}/status`, { presence: 'unavailable' })
      }
      await act()
      const heard = (await peek(end, 0, dave)).chunk
      expect(JSON.stringify(heard)).not.toContain(bob.userId)
      await open()
      const { end: from } = await peek()
      await bob.post(`${room()}/receipt/m.read.private/${encodeURIComponent(await alice.sendText(roomId, 'more'))}`)
      expect((await peek(from)).chunk.filter(({ type }) => type === 'm.receipt')).toEqual([])
    })
  })

  it('[C-117] presence of the requester and of those in their rooms is in the snapshots', async () => {
    await alice.sync()
    await bob.put(`presence/${encodeURIComponent(bob.userId)}/status`, { presence: 'online', status_msg: 'here' })
    const { presence, end: from } = await snapshot()
    expect(presence).toMatchObject([
      { type: 'm.presence', content: { user_id: alice.userId, presence: 'offline' } },
      { type: 'm.presence', content: { user_id: bob.userId, presence: 'online', status_msg: 'here' } },
    ])
    for (const { content } of presence) expect(content['last_active_ago']).toBeGreaterThanOrEqual(0)
    const inRoom = (await snapshot(`${room()}/initialSync`)).presence
    expect(inRoom.map(({ content }) => content['user_id'])).toContain(bob.userId)
    await bob.put(`presence/${encodeURIComponent(bob.userId)}/status`, { presence: 'unavailable' })
    expect((await events({ from })).chunk).toContainEqual(
      expect.objectContaining({ content: expect.objectContaining({ presence: 'unavailable' }) as JsonObject }),
    )
  })
})
