import type { JsonObject } from '@hearth/protocol'
import { TestServer, type SyncedEvent, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bundled, edit, reaction, reference, reply, v1Room } from './relating.ts'

describe('relations between events', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  let root: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    root = await alice.sendText(roomId, 'root')
  })

  const message = (client: TestClient, content: JsonObject) => client.send(roomId, 'm.room.message', content)
  const react = (client: TestClient, eventId: string, key: string, txnId?: string) =>
    client.send(roomId, 'm.reaction', reaction(eventId, key), txnId)
  const refusal = async (client: TestClient, type: string, content: JsonObject) => {
    const path = `rooms/${encodeURIComponent(roomId)}/send/${type}/${Math.random()}`
    return client.request('PUT', path, { body: content })
  }
  const event = (client: TestClient, eventId: string) =>
    client.get(`rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(eventId)}`)
  const redact = (client: TestClient, eventId: string) =>
    client.put(`rooms/${encodeURIComponent(roomId)}/redact/${encodeURIComponent(eventId)}/${Math.random()}`)
  const children = async (
    client: TestClient,
    eventId: string,
    rest = '',
    query: Record<string, string | number> = {},
  ) =>
    (await client.get(`${v1Room(roomId)}/relations/${encodeURIComponent(eventId)}${rest}`, query)) as unknown as {
      chunk: SyncedEvent[]
      next_batch?: string
      prev_batch?: string
      recursion_depth?: number
    }
  const ids = (events: readonly SyncedEvent[]) => events.map(({ event_id: eventId }) => eventId)
  const relations = async (client: TestClient, eventId: string) => bundled(await event(client, eventId))

  describe('GET /rooms/{roomId}/relations/{eventId}', () => {
    it('gives the children, newest first, of all kinds or of one', async () => {
      const thread = await message(bob, reply(root, 'in a thread'))
      const like = await react(bob, root, '👍')
      const other = await bob.send(roomId, 'com.example.note', reference(root))
      expect(ids((await children(alice, root)).chunk)).toEqual([other, like, thread])
      expect(ids((await children(alice, root, '', { dir: 'f' })).chunk)).toEqual([thread, like, other])
      expect(ids((await children(alice, root, '/m.thread')).chunk)).toEqual([thread])
      expect(ids((await children(alice, root, '/m.annotation/m.reaction')).chunk)).toEqual([like])
      expect(ids((await children(alice, root, '/m.annotation/m.room.message')).chunk)).toEqual([])
      expect(ids((await children(alice, root, '/m.annotation/never.seen')).chunk)).toEqual([])
      expect((await children(alice, root)).chunk[0]).toMatchObject({ room_id: roomId, type: 'com.example.note' })
    })

    it('gives pages in both directions, whose tokens are those of /messages and /sync', async () => {
      const sent: string[] = []
      for (let n = 0; n < 5; n += 1) sent.push(await message(bob, reply(root, `reply ${n}`)))
      const first = await children(alice, root, '/m.thread', { limit: 2 })
      expect(ids(first.chunk)).toEqual([sent[4], sent[3]])
      const second = await children(alice, root, '/m.thread', { limit: 2, from: first.next_batch! })
      expect(ids(second.chunk)).toEqual([sent[2], sent[1]])
      expect(second.prev_batch).toBe(first.next_batch)
      const last = await children(alice, root, '/m.thread', { limit: 2, from: second.next_batch! })
      expect(ids(last.chunk)).toEqual([sent[0]])
      expect(last.next_batch).toBeUndefined()
      const upwards = await children(alice, root, '/m.thread', { dir: 'f', from: second.next_batch!, limit: 3 })
      expect(ids(upwards.chunk)).toEqual([sent[1], sent[2], sent[3]])
      const between = await children(alice, root, '/m.thread', { from: first.next_batch!, to: second.next_batch! })
      expect(ids(between.chunk)).toEqual([sent[2], sent[1]])
      const { next_batch: now } = await alice.sync()
      await message(bob, reply(root, 'later'))
      expect(ids((await children(alice, root, '', { from: now, limit: 1 })).chunk)).toEqual([sent[4]])
      const page = await alice.get(`rooms/${encodeURIComponent(roomId)}/messages`, { dir: 'b', limit: 3 })
      const before = await children(alice, root, '', { from: page['end'] as string, limit: 1 })
      expect(ids(before.chunk)).toEqual([sent[2]])
    })

    it('gives children of children when it is asked to, and says how far it went', async () => {
      const first = await message(bob, reply(root, 'reply'))
      const edited = await message(bob, edit(first, 'better'))
      const liked = await react(alice, first, '👍')
      expect(ids((await children(alice, root)).chunk)).toEqual([first])
      expect((await children(alice, root)).recursion_depth).toBeUndefined()
      const all = await children(alice, root, '', { recurse: 'true' })
      expect(ids(all.chunk)).toEqual([liked, edited, first])
      expect(all.recursion_depth).toBeGreaterThanOrEqual(3)
      const filtered = await children(alice, root, '/m.annotation', { recurse: 'true' })
      expect(ids(filtered.chunk)).toEqual([])
      const upwards = await children(alice, root, '', { recurse: 'true', dir: 'f', limit: 2 })
      expect(ids(upwards.chunk)).toEqual([first, edited])
    })

    it('does not know a parent that is not there, and none of another room', async () => {
      const elsewhere = await alice.createRoom()
      const other = await alice.sendText(elsewhere, 'other')
      for (const eventId of [other, '$nothing', `$${'a'.repeat(43)}`]) {
        const path = `${v1Room(roomId)}/relations/${encodeURIComponent(eventId)}`
        expect(await alice.request('GET', path)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
      }
    })

    it('is not for those outside the room', async () => {
      const carol = await server.register(`carol${Date.now()}`)
      const path = `${v1Room(roomId)}/relations/${encodeURIComponent(root)}`
      expect(await carol.request('GET', path)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    })

    it.each([
      ['a token that is none', 'from=x'],
      ['another direction', 'dir=x'],
      ['a limit below zero', 'limit=-1'],
      ['a limit beyond all numbers', 'limit=1e400'],
      ['a flag that is none', 'recurse=x'],
    ])('refuses %s', async (_name, query) => {
      const path = `${v1Room(roomId)}/relations/${encodeURIComponent(root)}?${query}`
      expect((await alice.request('GET', path)).status).toBe(400)
    })

    it('[SEC-12] finds nothing under names that no database can hold', async () => {
      for (const name of ['%00', '%ED%A0%80', 'x'.repeat(3_000), '__proto__']) {
        for (const rest of [name, `${name}/${name}`, `m.thread/${name}`]) {
          const answer = await alice.request('GET', `${v1Room(roomId)}/relations/${encodeURIComponent(root)}/${rest}`)
          expect([200, 400]).toContain(answer.status)
          expect(answer.body['chunk'] ?? []).toEqual([])
        }
      }
      const filter = JSON.stringify({ related_by_rel_types: ['\0', '\ud800', '__proto__'] })
      const messages = await alice.request('GET', `rooms/${encodeURIComponent(roomId)}/messages`, {
        query: { dir: 'b', filter },
      })
      expect([200, 400]).toContain(messages.status)
    })
  })

  describe('sending', () => {
    it('refuses a second annotation of the same kind by the same user, until the first is redacted', async () => {
      const first = await react(bob, root, '👍')
      expect(await refusal(bob, 'm.reaction', reaction(root, '👍'))).toMatchObject({
        status: 400,
        body: { errcode: 'M_DUPLICATE_ANNOTATION' },
      })
      await react(bob, root, '👎')
      await react(alice, root, '👍')
      await bob.send(roomId, 'com.example.reaction', reaction(root, '👍'))
      await redact(bob, first)
      await react(bob, root, '👍')
    })

    it('of many equal annotations at once, makes one', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => refusal(bob, 'm.reaction', reaction(root, '🎉'))),
      )
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      expect(ids((await children(alice, root)).chunk)).toHaveLength(1)
    })

    it('[C-114] answers a repeated request with the annotation that it made', async () => {
      const sent = await Promise.all(Array.from({ length: 5 }, () => react(bob, root, '👍', 'same')))
      expect(new Set([...sent, await react(bob, root, '👍', 'same')]).size).toBe(1)
    })

    it('refuses a thread that starts from an event which relates to another', async () => {
      const child = await message(bob, reply(root, 'child'))
      expect(await refusal(bob, 'm.room.message', reply(child, 'grandchild'))).toMatchObject({
        status: 400,
        body: { errcode: 'M_UNKNOWN' },
      })
    })

    it('refuses relations to events that the room does not have', async () => {
      const elsewhere = await alice.createRoom()
      const other = await alice.sendText(elsewhere, 'other')
      for (const eventId of [other, `$${'a'.repeat(43)}`]) {
        const answers = [
          await refusal(alice, 'm.room.message', reply(eventId, 'x')),
          await refusal(alice, 'm.reaction', reaction(eventId, 'x')),
        ]
        for (const answer of answers) expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN' } })
      }
    })

    it('refuses those outside the room, whatever they relate to', async () => {
      const carol = await server.register(`carol${Date.now()}`)
      for (const eventId of [root, '$nothing']) {
        expect(await refusal(carol, 'm.reaction', reaction(eventId, 'x'))).toMatchObject({ status: 403 })
      }
    })

    it.each<[string, JsonObject]>([
      ['an annotation without a key', { rel_type: 'm.annotation' }],
      ['an empty key', { rel_type: 'm.annotation', key: '' }],
      ['a key that is no text', { rel_type: 'm.annotation', key: 1 }],
      ['a key that is too long', { rel_type: 'm.annotation', key: 'x'.repeat(501) }],
    ])('refuses %s', async (_name, relatesTo) => {
      const content = { 'm.relates_to': { event_id: root, ...relatesTo } }
      expect(await refusal(bob, 'com.example.note', content)).toMatchObject({
        status: 400,
        body: { errcode: 'M_BAD_JSON' },
      })
    })

    it.each<[string, unknown]>([
      ['no object', 'x'],
      ['a list', ['x']],
      ['nothing in it', {}],
      ['a type that is no text', { rel_type: 1, event_id: '$x' }],
      ['an event id that is none', { rel_type: 'm.reference', event_id: 'x' }],
      ['a type that is too long', { rel_type: 'x'.repeat(300), event_id: '$x' }],
      ['an event id that is too long', { rel_type: 'm.reference', event_id: `$${'x'.repeat(300)}` }],
    ])('takes what is no relation for none: %s', async (_name, relatesTo) => {
      const sent = await message(bob, { msgtype: 'm.text', body: 'x', 'm.relates_to': relatesTo as JsonObject })
      expect(ids((await children(alice, sent)).chunk)).toEqual([])
    })
  })

  describe('an edit', () => {
    it('is bundled with what it edits, the newest alone', async () => {
      await message(alice, edit(root, 'first'))
      const second = await message(alice, edit(root, 'second'))
      const found = await event(bob, root)
      expect(found['content']).toEqual({ msgtype: 'm.text', body: 'root' })
      expect(bundled(found)['m.replace']).toMatchObject({
        event_id: second,
        sender: alice.userId,
        room_id: roomId,
        content: { 'm.new_content': { body: 'second' } },
      })
    })

    it('counts only where its sender and type are those of the event, and it brings new content', async () => {
      const byAlice = await message(alice, edit(root, 'valid'))
      await message(bob, edit(root, 'by another'))
      await alice.send(roomId, 'com.example.note', edit(root, 'of another type'))
      await message(alice, { ...edit(root, 'x'), 'm.new_content': 'nothing' })
      await message(alice, edit(byAlice, 'an edit of the edit'))
      expect((await relations(bob, root))['m.replace']).toMatchObject({ event_id: byAlice })
      expect(await relations(bob, byAlice)).toEqual({})
    })

    it('[S-21] gives way to the one before when it is redacted, and to nothing when the event itself is', async () => {
      const first = await message(alice, edit(root, 'first'))
      const second = await message(alice, edit(root, 'second secret'))
      await redact(alice, second)
      expect((await relations(bob, root))['m.replace']).toMatchObject({ event_id: first })
      expect(JSON.stringify(await children(bob, root))).not.toContain('secret')
      await redact(alice, root)
      expect(await relations(bob, root)).toEqual({})
    })
  })

  describe('a thread', () => {
    it('is summed up with its root: its latest event, how many there are, whether the reader took part', async () => {
      const carol = await server.register(`carol${Date.now()}`)
      await carol.join(roomId)
      await message(bob, reply(root, 'first'))
      const latest = await message(bob, reply(root, 'second'))
      const edited = await message(bob, edit(latest, 'second, better'))
      for (const [client, participated] of [
        [alice, true],
        [bob, true],
        [carol, false],
      ] as const) {
        expect((await relations(client, root))['m.thread']).toMatchObject({
          latest_event: {
            event_id: latest,
            content: { body: 'second' },
            unsigned: { 'm.relations': { 'm.replace': { event_id: edited } } },
          },
          count: 2,
          current_user_participated: participated,
        })
      }
    })

    it('[S-21] loses what is redacted', async () => {
      const first = await message(bob, reply(root, 'first'))
      const second = await message(bob, reply(root, 'secret'))
      await redact(bob, second)
      const thread = (await relations(alice, root))['m.thread']
      expect(thread).toMatchObject({ latest_event: { event_id: first }, count: 1 })
      await redact(bob, first)
      expect(await relations(alice, root)).toEqual({})
      expect(ids((await children(alice, root)).chunk)).toEqual([])
    })

    it('stays when its root is redacted', async () => {
      await message(bob, reply(root, 'first'))
      await redact(alice, root)
      expect((await relations(bob, root))['m.thread']).toMatchObject({ count: 1 })
    })
  })

  it('lists references, and no annotations', async () => {
    const one = await bob.send(roomId, 'com.example.note', reference(root))
    const two = await alice.send(roomId, 'com.example.note', reference(root))
    await react(bob, root, '👍')
    expect(await relations(bob, root)).toEqual({ 'm.reference': { chunk: [{ event_id: one }, { event_id: two }] } })
  })

  it('comes with /messages, /context, /relations and with /sync where the timeline is limited', async () => {
    const child = await message(alice, reply(root, 'child'))
    const edited = await message(alice, edit(child, 'better'))
    const thread = { 'm.thread': { latest_event: { event_id: child } } }
    const room = `rooms/${encodeURIComponent(roomId)}`
    const messages = await bob.get(`${room}/messages`, { dir: 'b', limit: 3 })
    expect(bundled((messages['chunk'] as JsonObject[])[2]!)).toMatchObject(thread)
    const context = await bob.get(`${room}/context/${encodeURIComponent(root)}`)
    expect(bundled(context['event'] as JsonObject)).toMatchObject(thread)
    expect(bundled((context['events_after'] as JsonObject[])[0]!)).toMatchObject({ 'm.replace': { event_id: edited } })
    expect(bundled((await children(bob, root)).chunk[0]!)).toMatchObject({ 'm.replace': { event_id: edited } })
    const filter = JSON.stringify({ room: { timeline: { limit: 3 } } })
    const [synced] = (await bob.sync({ filter })).rooms!.join![roomId]!.timeline.events
    expect(bundled(synced!)).toMatchObject(thread)
    const inSync = bundled(synced!)['m.thread'] as { latest_event: JsonObject }
    expect(inSync.latest_event['room_id']).toBeUndefined()
  })

  it('[S-21] shows nothing anywhere of what was redacted', async () => {
    const before = await bob.sync()
    const secret = await message(alice, { ...reply(root, 'secret'), formatted_body: 'secret' })
    const secretEdit = await message(alice, edit(root, 'secret'))
    await bob.sync({ since: before.next_batch })
    await redact(alice, secret)
    await redact(alice, secretEdit)
    const room = `rooms/${encodeURIComponent(roomId)}`
    const seen = [
      await event(bob, secret),
      await event(bob, root),
      await children(bob, root, '', { recurse: 'true' }),
      await bob.get(`${v1Room(roomId)}/threads`),
      await bob.get(`${room}/messages`, { dir: 'b', limit: 100 }),
      await bob.get(`${room}/messages`, { dir: 'f', limit: 100 }),
      await bob.get(`${room}/context/${encodeURIComponent(secret)}`),
      await bob.get(`${room}/context/${encodeURIComponent(root)}`),
      await bob.get(`${room}/initialSync`),
      await bob.sync(),
      await bob.sync({ since: before.next_batch }),
      await bob.get('/_matrix/client/api/v1/initialSync'),
    ]
    expect(JSON.stringify(seen)).not.toContain('secret')
  })

  it('hides what ignored users relate', async () => {
    await message(alice, reply(root, 'by alice'))
    await message(bob, reply(root, 'by bob'))
    await bob.send(roomId, 'com.example.note', reference(root))
    await alice.put(`user/${encodeURIComponent(alice.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: { [bob.userId]: {} },
    })
    expect(await relations(alice, root)).toMatchObject({ 'm.thread': { count: 1 } })
    expect(await relations(alice, root)).not.toHaveProperty('m.reference')
    expect((await children(alice, root)).chunk).toHaveLength(1)
    await alice.put(`user/${encodeURIComponent(alice.userId)}/account_data/m.ignored_user_list`, { ignored_users: {} })
    expect(await relations(alice, root)).toMatchObject({ 'm.thread': { count: 2 } })
  })

  it('[S-08] shows those who left nothing that came after', async () => {
    await message(alice, reply(root, 'before'))
    await message(alice, edit(root, 'before'))
    await bob.leave(roomId)
    await message(alice, reply(root, 'after'))
    await message(alice, edit(root, 'after'))
    await alice.send(roomId, 'com.example.note', reference(root))
    const seen = await event(bob, root)
    expect(bundled(seen)).toMatchObject({ 'm.thread': { count: 1 } })
    expect(bundled(seen)).not.toHaveProperty('m.reference')
    expect(JSON.stringify([seen, await children(bob, root)])).not.toContain('after')
  })

  it('[S-08] shows nothing of the time in which the reader was away, where the history is for members', async () => {
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
    const start = await alice.sendText(roomId, 'start')
    await bob.leave(roomId)
    await message(alice, edit(start, 'meanwhile'))
    await message(alice, reply(start, 'meanwhile'))
    await bob.join(roomId)
    const seen = await event(bob, start)
    expect(JSON.stringify([seen, await children(bob, start)])).not.toContain('meanwhile')
  })

  it('is found by filters: related_by_rel_types and related_by_senders', async () => {
    const other = await alice.sendText(roomId, 'other')
    await message(bob, reply(root, 'x'))
    await react(alice, other, '👍')
    const find = async (filter: JsonObject) => {
      const page = await alice.get(`rooms/${encodeURIComponent(roomId)}/messages`, {
        dir: 'b',
        limit: 50,
        filter: JSON.stringify(filter),
      })
      return ids(page['chunk'] as unknown as SyncedEvent[])
    }
    expect(await find({ related_by_rel_types: ['m.thread'] })).toEqual([root])
    expect(await find({ related_by_senders: [alice.userId] })).toEqual([other])
    expect(await find({ related_by_senders: [alice.userId], related_by_rel_types: ['m.thread'] })).toEqual([])
    expect(await find({ related_by_rel_types: ['m.thread', 'm.annotation'] })).toEqual([other, root])
    expect(await find({ related_by_senders: ['@nobody:hearth.test'] })).toEqual([])
  })

  it('is found by another process of the server, for whoever shows a token of the first', async () => {
    await using second = await TestServer.start({ database: server.database })
    const session = await second.anonymous.logIn('bob', `bob's password`)
    const child = await message(session, reply(root, 'x'))
    const { next_batch: from } = await session.sync()
    expect(ids((await children(session.at(server.url), root, '', { from })).chunk)).toEqual([child])
  })

  it('survives a restart', async () => {
    await message(bob, reply(root, 'x'))
    await server.restart()
    expect(await relations(alice, root)).toMatchObject({ 'm.thread': { count: 1 } })
  })
})
