import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

interface ContextAnswer {
  readonly start: string
  readonly end: string
  readonly event: { event_id: string; content: Record<string, unknown> }
  readonly events_before: { event_id: string }[]
  readonly events_after: { event_id: string }[]
  readonly state: { type: string; state_key: string; content: Record<string, unknown> }[]
}

describe('the context of an event', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  let sent: string[]

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    sent = []
    for (let index = 0; index < 9; index += 1) sent.push(await alice.sendText(roomId, `message ${index}`))
  })

  const path = (eventId: string, room = roomId) =>
    `rooms/${encodeURIComponent(room)}/context/${encodeURIComponent(eventId)}`
  const context = (client: TestClient, eventId: string, query = {}) =>
    client.get(path(eventId), query) as unknown as Promise<ContextAnswer>
  const ids = (events: readonly { event_id: string }[]) => events.map((event) => event.event_id)

  it('has what came just before, newest first, and just after, oldest first', async () => {
    const answer = await context(alice, sent[4]!, { limit: 5 })
    expect(answer.event).toMatchObject({ event_id: sent[4], room_id: roomId, content: { body: 'message 4' } })
    expect(ids(answer.events_before)).toEqual([sent[3], sent[2]])
    expect(ids(answer.events_after)).toEqual([sent[5], sent[6], sent[7]])
    expect(ids((await context(alice, sent[4]!)).events_after)).toEqual(sent.slice(5))
  })

  it('has the event alone with a limit of 0', async () => {
    const answer = await context(alice, sent[4]!, { limit: 0 })
    expect(answer).toMatchObject({ event: { event_id: sent[4] }, events_before: [], events_after: [] })
    expect(await alice.request('GET', path(sent[4]!), { query: { limit: -1 } })).toMatchObject({ status: 400 })
  })

  it('has tokens from which paging goes on at both ends', async () => {
    const { start, end } = await context(alice, sent[4]!, { limit: 3 })
    const room = `rooms/${encodeURIComponent(roomId)}/messages`
    const earlier = await alice.get(room, { dir: 'b', from: start, limit: 2 })
    expect(ids(earlier['chunk'] as { event_id: string }[])).toEqual([sent[2], sent[1]])
    const later = await alice.get(room, { dir: 'f', from: end, limit: 2 })
    expect(ids(later['chunk'] as { event_id: string }[])).toEqual([sent[7], sent[8]])
    const { start: before, end: after } = await context(alice, sent[4]!, { limit: 0 })
    const back = await alice.get(room, { dir: 'b', from: before, limit: 1 })
    expect(ids(back['chunk'] as { event_id: string }[])).toEqual([sent[3]])
    const forth = await alice.get(room, { dir: 'f', from: after, limit: 1 })
    expect(ids(forth['chunk'] as { event_id: string }[])).toEqual([sent[5]])
  })

  it('has the state at the last event returned', async () => {
    await alice.setState(roomId, 'm.room.name', { name: 'then' })
    const last = await alice.sendText(roomId, 'named')
    await alice.setState(roomId, 'm.room.name', { name: 'now' })
    const nameIn = ({ state }: ContextAnswer) => state.find(({ type }) => type === 'm.room.name')?.content['name']
    expect(nameIn(await context(alice, sent[8]!, { limit: 0 }))).toBeUndefined()
    expect(nameIn(await context(alice, last, { limit: 0 }))).toBe('then')
    expect(nameIn(await context(alice, last, { limit: 2 }))).toBe('now')
  })

  it('applies a filter to what is around the event, not to the event', async () => {
    await alice.setState(roomId, 'm.room.topic', { topic: 'x' })
    const filter = JSON.stringify({ types: ['m.room.topic'] })
    const answer = await context(alice, sent[4]!, { filter })
    expect(answer.event.event_id).toBe(sent[4])
    expect(answer.events_before).toEqual([])
    expect(answer.events_after).toMatchObject([{ type: 'm.room.topic' }])
    expect(answer.state.map(({ type }) => type)).toEqual(['m.room.topic'])
    expect(await alice.request('GET', path(sent[4]!), { query: { filter: 'nonsense' } })).toMatchObject({ status: 400 })
  })

  it('has, with lazily loaded members, those who sent something of it', async () => {
    await bob.join(roomId)
    const said = await alice.sendText(roomId, 'hello')
    const filter = JSON.stringify({ lazy_load_members: true })
    const members = async (query: object) =>
      (await context(alice, said, query)).state.filter(({ type }) => type === 'm.room.member')
    expect(await members({ filter, limit: 0 })).toMatchObject([{ state_key: alice.userId }])
    expect(await members({ filter, limit: 2 })).toHaveLength(2)
    expect(await members({ limit: 0 })).toHaveLength(2)
  })

  it('[S-42] [SEC-24] tells outsiders nothing, nor what a wrong room or event is', async () => {
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'invite' })
    expect(await bob.request('GET', path(sent[4]!))).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    const elsewhere = await bob.createRoom()
    const notFound = { status: 404, body: { errcode: 'M_NOT_FOUND' } }
    expect(await bob.request('GET', path(sent[4]!, elsewhere))).toMatchObject(notFound)
    expect(await alice.request('GET', path('$nothing'))).toMatchObject(notFound)
    expect(await alice.request('GET', path(sent[4]!, '!nowhere:hearth.test'))).toMatchObject(notFound)
    expect(await alice.request('GET', path('nonsense'))).toMatchObject({ status: 400 })
  })

  it('[S-08] shows a new member nothing from before they joined where the history is for members', async () => {
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
    const hidden = await alice.sendText(roomId, 'for members')
    await bob.join(roomId)
    const seen = await alice.sendText(roomId, 'for all')
    expect(await bob.request('GET', path(hidden))).toMatchObject({ status: 404 })
    const { events_before: before } = await context(bob, seen)
    expect(ids(before)).not.toContain(hidden)
  })

  it('[S-21] shows a redacted event without its content', async () => {
    await alice.put(`rooms/${encodeURIComponent(roomId)}/redact/${encodeURIComponent(sent[4]!)}/1`)
    expect((await context(alice, sent[4]!)).event.content).toEqual({})
    expect((await context(alice, sent[5]!)).events_before[0]).toMatchObject({ event_id: sent[4], content: {} })
  })

  it('ends for former members where they left', async () => {
    await bob.join(roomId)
    const before = await alice.sendText(roomId, 'before')
    await bob.leave(roomId)
    const after = await alice.sendText(roomId, 'after')
    expect(ids((await context(bob, before)).events_after)).not.toContain(after)
    expect(await bob.request('GET', path(after))).toMatchObject({ status: 404 })
  })

  it('is open to everybody where the history is world-readable', async () => {
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' })
    const said = await alice.sendText(roomId, 'to the world')
    expect((await context(bob, said, { limit: 2 })).event.event_id).toBe(said)
  })
})
