import type { JsonObject } from '@hearth/protocol'
import { statementsOf, TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('GET /sync', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  let room: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    room = `rooms/${encodeURIComponent(roomId)}`
    await bob.join(roomId)
  })

  const joined = (answer: SyncAnswer) => answer.rooms?.join?.[roomId]
  const bodies = (answer: SyncAnswer) =>
    (joined(answer)?.timeline.events ?? []).flatMap(({ content }) => content['body'] ?? [])
  const withFilter = (filter: JsonObject) => ({ filter: JSON.stringify(filter) })
  const stateKeys = (events: readonly { type: string; state_key?: string }[] | undefined) =>
    (events ?? []).map(({ type, state_key: key }) => `${type}|${key}`).sort()

  it('returns at once with what is new', async () => {
    const { next_batch: since } = await bob.sync()
    await alice.sendText(roomId, 'new')
    const answer = await bob.sync({ since, timeout: 30_000 })
    expect(bodies(answer)).toEqual(['new'])
    expect(joined(answer)?.timeline.limited).toBe(false)
    expect(joined(answer)?.state?.events).toEqual([])
  })

  it('waits, and wakes as soon as something happens', async () => {
    const { next_batch: since } = await bob.sync()
    const waiting = bob.sync({ since, timeout: 30_000 })
    await waitersOf(server, 1)
    await alice.sendText(roomId, 'wake up')
    expect(bodies(await waiting)).toEqual(['wake up'])
  })

  it('returns after the timeout with nothing but a token', async () => {
    const { next_batch: since } = await bob.sync()
    const answer = await bob.sync({ since, timeout: 300 })
    expect(answer.next_batch).toBe(since)
    expect(answer.rooms?.join ?? {}).toEqual({})
  })

  it('lets a waiter go when its client has gone', async () => {
    const { next_batch: since } = await bob.sync()
    const gone = new AbortController()
    const waiting = bob.request('GET', 'sync', {
      query: { since, timeout: 60_000, set_presence: 'offline' },
      signal: gone.signal,
    })
    await waitersOf(server, 1)
    gone.abort()
    await expect(waiting).rejects.toThrow()
    await waitersOf(server, 0)
  })

  it.each(['nonsense', 's', 's1.5', 't1', 's99999999999999999999'])('[C-041] refuses the token %s', async (since) => {
    expect(await bob.request('GET', 'sync', { query: { since } })).toMatchObject({
      status: 400,
      body: { errcode: 'M_INVALID_PARAM' },
    })
  })

  describe('timelines', () => {
    it('are limited to the newest events, with a token that pages back to the last answer', async () => {
      const { next_batch: since } = await bob.sync()
      for (let n = 0; n < 8; n += 1) await alice.sendText(roomId, `m${n}`)
      await alice.setState(roomId, 'm.room.topic', { topic: 'in the gap' })
      for (let n = 8; n < 11; n += 1) await alice.sendText(roomId, `m${n}`)
      const answer = await bob.sync({ since, ...withFilter({ room: { timeline: { limit: 3 } } }) })
      const { timeline, state } = joined(answer)!
      expect(bodies(answer)).toEqual(['m8', 'm9', 'm10'])
      expect(timeline.limited).toBe(true)
      expect(stateKeys(state?.events)).toEqual(['m.room.topic|'])
      const page = await bob.get(`${room}/messages`, { dir: 'b', from: timeline.prev_batch, to: since, limit: 50 })
      expect((page['chunk'] as { content: JsonObject }[]).map(({ content }) => content['body'] ?? 'topic')).toEqual([
        'topic',
        ...['m7', 'm6', 'm5', 'm4', 'm3', 'm2', 'm1', 'm0'],
      ])
    })

    it('tell the sending device, and no other, its transaction id', async () => {
      const phone = await server.anonymous.logIn('alice', `alice's password`)
      const { next_batch: since } = await alice.sync()
      await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'mine' }, 'my-transaction')
      const unsigned = async (client: TestClient) => joined(await client.sync({ since }))?.timeline.events[0]?.unsigned
      expect(await unsigned(alice)).toMatchObject({ transaction_id: 'my-transaction', membership: 'join' })
      expect(await unsigned(phone)).not.toHaveProperty('transaction_id')
      expect(await unsigned(bob)).not.toHaveProperty('transaction_id')
      await server.restart()
      expect(await unsigned(alice), 'after a restart').toMatchObject({ transaction_id: 'my-transaction' })
    })

    it('say what a state event took the place of, and how old an event is', async () => {
      const first = await alice.setState(roomId, 'm.room.topic', { topic: 'old' })
      const { next_batch: since } = await bob.sync()
      await alice.setState(roomId, 'm.room.topic', { topic: 'new' })
      const [event] = joined(await bob.sync({ since }))!.timeline.events
      expect(event!.unsigned).toMatchObject({
        prev_content: { topic: 'old' },
        replaces_state: first,
        prev_sender: alice.userId,
      })
      expect(event!.unsigned!['age']).toBeGreaterThanOrEqual(0)
      expect(event).not.toHaveProperty('room_id')
    })

    it('show a redacted event without its content', async () => {
      const { next_batch: since } = await bob.sync()
      const eventId = await alice.sendText(roomId, 'gone')
      await alice.put(`${room}/redact/${encodeURIComponent(eventId)}/r1`, { reason: 'why' })
      const [first, redaction] = joined(await bob.sync({ since }))!.timeline.events
      expect(first).toMatchObject({ event_id: eventId, content: {} })
      expect(first!.unsigned).toMatchObject({ redacted_because: { event_id: redaction!.event_id } })
    })
  })

  describe('filters', () => {
    it('choose events by type and sender, and rooms', async () => {
      const { next_batch: since } = await bob.sync()
      await alice.sendText(roomId, 'message')
      await alice.send(roomId, 'com.example.noise', {})
      await bob.sendText(roomId, 'own')
      const types = async (filter: JsonObject) =>
        joined(await bob.sync({ since, ...withFilter({ room: filter }) }))?.timeline.events.map(({ type, sender }) => [
          type,
          sender,
        ])
      expect(await types({ timeline: { types: ['m.room.*'], not_senders: [bob.userId] } })).toEqual([
        ['m.room.message', alice.userId],
      ])
      expect(await types({ timeline: { not_types: ['m.room.message'] } })).toEqual([
        ['com.example.noise', alice.userId],
      ])
      expect(await types({ not_rooms: [roomId] })).toBeUndefined()
      expect(await types({ rooms: [] })).toBeUndefined()
      expect(await types({ rooms: [roomId], timeline: { senders: [bob.userId] } })).toEqual([
        ['m.room.message', bob.userId],
      ])
    })

    it('tell in `state` what they keep out of the timeline', async () => {
      const { next_batch: since } = await bob.sync()
      await alice.setState(roomId, 'm.room.topic', { topic: 'quiet' })
      await alice.sendText(roomId, 'loud')
      const answer = await bob.sync({ since, ...withFilter({ room: { timeline: { types: ['m.room.message'] } } }) })
      expect(bodies(answer)).toEqual(['loud'])
      expect(stateKeys(joined(answer)?.state?.events)).toEqual(['m.room.topic|'])
    })

    it('keep only the fields that are wanted', async () => {
      const { next_batch: since } = await bob.sync()
      await alice.send(roomId, 'com.example', { a: { 'b.c': 1, d: 2 }, e: 3 })
      const answer = await bob.sync({
        since,
        ...withFilter({ event_fields: ['content.a.b\\.c', 'content.e', 'type'] }),
      })
      expect(joined(answer)?.timeline.events).toEqual([{ type: 'com.example', content: { a: { 'b.c': 1 }, e: 3 } }])
    })

    it('give events in the form of the federation', async () => {
      const { next_batch: since } = await bob.sync()
      const eventId = await alice.sendText(roomId, 'pdu')
      const answer = await bob.sync({ since, ...withFilter({ event_format: 'federation' }) })
      expect(joined(answer)?.timeline.events[0]).toMatchObject({
        event_id: eventId,
        hashes: expect.anything() as unknown,
        signatures: expect.anything() as unknown,
        prev_events: expect.anything() as unknown,
      })
    })

    it('are named by the id that they were defined with', async () => {
      const { filter_id: filter } = await bob.post(`user/${encodeURIComponent(bob.userId)}/filter`, {
        room: { timeline: { limit: 1 } },
      })
      await alice.sendText(roomId, 'one')
      await alice.sendText(roomId, 'two')
      expect(bodies(await bob.sync({ filter: filter as string }))).toEqual(['two'])
      expect(await bob.request('GET', 'sync', { query: { filter: '999999' } })).toMatchObject({ status: 400 })
    })

    it.each([
      '{',
      '{"room":[]}',
      '{"room":{"timeline":{"limit":-1}}}',
      '{"room":{"timeline":{"types":"m.room.message"}}}',
    ])('refuses %s', async (filter) => {
      expect((await bob.request('GET', 'sync', { query: { filter } })).status).toBe(400)
    })
  })

  describe('lazily loaded members', () => {
    const lazy = { room: { timeline: { limit: 1 }, state: { lazy_load_members: true } } }
    const members = (answer: SyncAnswer) =>
      stateKeys(joined(answer)?.state?.events.filter(({ type }) => type === 'm.room.member'))

    // A nameless room is named after its members, who are sent for that.
    beforeEach(() => alice.setState(roomId, 'm.room.name', { name: 'named' }))

    it('are those who speak, and oneself at first', async () => {
      const carol = await server.register(`lazy${Date.now()}`)
      await carol.join(roomId)
      await alice.sendText(roomId, 'speaks')
      const first = await bob.sync(withFilter(lazy))
      expect(members(first)).toEqual([`m.room.member|${alice.userId}`, `m.room.member|${bob.userId}`])
      await carol.sendText(roomId, 'speaks too')
      const second = await bob.sync({ since: first.next_batch, ...withFilter(lazy) })
      expect(members(second)).toEqual([`m.room.member|${carol.userId}`])
    })

    it('come once, unless they are wanted each time or the answer was lost', async () => {
      await alice.sendText(roomId, 'a')
      const first = await bob.sync(withFilter(lazy))
      await alice.sendText(roomId, 'b')
      const second = await bob.sync({ since: first.next_batch, ...withFilter(lazy) })
      expect(members(second)).toEqual([])
      const redundant = {
        room: { timeline: { limit: 1 }, state: { lazy_load_members: true, include_redundant_members: true } },
      }
      expect(members(await bob.sync({ since: first.next_batch, ...withFilter(redundant) }))).toEqual([
        `m.room.member|${alice.userId}`,
      ])
      const carol = await server.register(`lost${Date.now()}`)
      await carol.join(roomId)
      const third = await bob.sync({
        since: second.next_batch,
        ...withFilter({ room: { state: { lazy_load_members: true } } }),
      })
      await carol.sendText(roomId, 'c')
      await bob.sync({ since: third.next_batch, ...withFilter(lazy) })
      // The same token again: the client did not get that answer.
      const again = await bob.sync({ since: second.next_batch, ...withFilter(lazy) })
      expect(members(again)).toEqual([`m.room.member|${carol.userId}`])
    })
  })

  describe('rooms come and go', () => {
    it('gives a newly joined room whole', async () => {
      const carol = await server.register(`new${Date.now()}`)
      const { next_batch: since } = await carol.sync()
      await alice.sendText(roomId, 'before')
      await carol.join(roomId)
      const answer = await carol.sync({ since, ...withFilter({ room: { timeline: { limit: 2 } } }) })
      expect(joined(answer)?.timeline).toMatchObject({ limited: true })
      expect(stateKeys(joined(answer)?.state?.events)).toContain('m.room.create|')
      expect(joined(answer)?.summary).toMatchObject({ 'm.joined_member_count': 3 })
    })

    it('[SEC-25] tells nothing of a room after one has left it', async () => {
      const { next_batch: since } = await bob.sync()
      await alice.sendText(roomId, 'last words')
      await bob.leave(roomId)
      await alice.sendText(roomId, 'behind his back')
      await alice.setState(roomId, 'm.room.topic', { topic: 'secret' })
      const answer = await bob.sync({ since })
      const left = answer.rooms?.leave?.[roomId]
      expect(left?.timeline.events.map(({ type, content }) => content['body'] ?? type)).toEqual([
        'last words',
        'm.room.member',
      ])
      expect(JSON.stringify(answer)).not.toMatch(/behind his back|secret/)
      await alice.sendText(roomId, 'more')
      expect(await bob.sync({ since: answer.next_batch, timeout: 100 })).toEqual({
        next_batch: expect.any(String) as unknown,
      })
      expect((await bob.sync()).rooms?.leave?.[roomId]).toBeUndefined()
      const archived = await bob.sync(withFilter({ room: { include_leave: true } }))
      expect(archived.rooms?.leave?.[roomId]).toBeDefined()
    })

    it('gives an invitation with the state that says what room it is', async () => {
      const { room_id: hidden } = await alice.post('createRoom', { name: 'The den', topic: 'foxes' })
      const { next_batch: since } = await bob.sync()
      await alice.invite(hidden as string, bob.userId)
      const { rooms } = await bob.sync({ since })
      const events = rooms?.invite?.[hidden as string]?.invite_state.events ?? []
      expect(stateKeys(events)).toEqual([
        'm.room.create|',
        'm.room.join_rules|',
        `m.room.member|${alice.userId}`,
        `m.room.member|${bob.userId}`,
        'm.room.name|',
        'm.room.topic|',
      ])
      for (const event of events) expect(Object.keys(event).sort()).toEqual(['content', 'sender', 'state_key', 'type'])
    })

    it('names a nameless room after its members', async () => {
      const answer = await alice.sync(withFilter({ room: { rooms: [roomId] } }))
      expect(joined(answer)?.summary).toEqual({
        'm.heroes': [bob.userId],
        'm.joined_member_count': 2,
        'm.invited_member_count': 0,
      })
    })
  })

  it('gives the state after the timeline to those who ask for it', async () => {
    const { next_batch: since } = await bob.sync()
    await alice.setState(roomId, 'm.room.topic', { topic: 'after' })
    const answer = await bob.sync({ since, use_state_after: true })
    expect(joined(answer)).not.toHaveProperty('state')
    expect(stateKeys(joined(answer)?.state_after?.events)).toEqual(['m.room.topic|'])
  })

  it('gives everything again with full_state, without waiting', async () => {
    const { next_batch: since } = await bob.sync()
    const answer = await bob.sync({ since, full_state: true, timeout: 30_000 })
    expect(joined(answer)?.timeline.events).toEqual([])
    expect(stateKeys(joined(answer)?.state?.events)).toContain('m.room.create|')
  })

  it('gives account data, of the account and of rooms', async () => {
    const { next_batch: since } = await bob.sync()
    const user = `user/${encodeURIComponent(bob.userId)}`
    await bob.put(`${user}/account_data/com.example.global`, { a: 1 })
    await bob.put(`${user}/${room}/account_data/com.example.room`, { b: 2 })
    const answer = await bob.sync({ since })
    expect(answer.account_data?.events).toEqual([{ type: 'com.example.global', content: { a: 1 } }])
    expect(joined(answer)?.account_data?.events).toEqual([{ type: 'com.example.room', content: { b: 2 } }])
    expect((await bob.sync()).account_data?.events).toContainEqual({ type: 'com.example.global', content: { a: 1 } })
  })

  describe('what it costs', () => {
    it('a steady incremental sync asks the database nothing', async () => {
      const lazy = withFilter({ room: { state: { lazy_load_members: true } } })
      let { next_batch: since } = await bob.sync(lazy)
      for (let n = 0; n < 3; n += 1) {
        await alice.sendText(roomId, 'warm')
        since = (await bob.sync({ since, ...lazy })).next_batch
      }
      for (let n = 0; n < 100; n += 1) {
        await alice.sendText(roomId, `message ${n}`)
        const statements = await statementsOf(server, async () => {
          const answer = await bob.sync({ since, ...lazy })
          expect(bodies(answer)).toEqual([`message ${n}`])
          since = answer.next_batch
        })
        expect(statements).toEqual([])
      }
    })

    it('waiting asks the database nothing', async () => {
      const clients = await Promise.all(
        Array.from({ length: 20 }, () => server.anonymous.logIn('bob', `bob's password`)),
      )
      const tokens = await Promise.all(clients.map(async (client) => (await client.sync()).next_batch))
      let waiting: Promise<SyncAnswer>[] = []
      const statements = await statementsOf(server, async () => {
        waiting = clients.map((client, index) => client.sync({ since: tokens[index]!, timeout: 30_000 }))
        await waitersOf(server, 20)
      })
      expect(statements).toEqual([])
      await alice.sendText(roomId, 'to all of them')
      for (const answer of await Promise.all(waiting)) expect(bodies(answer)).toEqual(['to all of them'])
    })
  })
})

/** Waits until that many requests are parked. */
async function waitersOf(server: TestServer, count: number): Promise<void> {
  await expect
    .poll(async () => (await server.anonymous.request('GET', '/metrics')).text, { timeout: 30_000 })
    .toMatch(new RegExp(`^hearth_sync_waiters ${count}$`, 'm'))
}
