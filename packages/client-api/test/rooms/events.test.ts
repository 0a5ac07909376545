import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

interface Event extends JsonObject {
  event_id: string
  type: string
  content: JsonObject
}

describe('events of a room', () => {
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

  const text = (body: string) => ({ msgtype: 'm.text', body })
  const page = (client: TestClient, query: Record<string, string | number>) =>
    client.get(`${room}/messages`, query) as unknown as Promise<{ start: string; end?: string; chunk: Event[] }>
  const bodies = (chunk: readonly Event[]) => chunk.map(({ content }) => content['body']).filter(Boolean)

  describe('PUT /rooms/{roomId}/send/{eventType}/{txnId}', () => {
    it('[C-114] a repeated transaction id gives the first event, however it is repeated', async () => {
      const first = await alice.send(roomId, 'm.room.message', text('once'), 'same')
      const again = await Promise.all(
        Array.from({ length: 50 }, () => alice.send(roomId, 'm.room.message', text('twice'), 'same')),
      )
      expect(new Set(again)).toEqual(new Set([first]))
      expect(bodies((await page(alice, { dir: 'b', limit: 100 })).chunk)).toEqual(['once'])
    })

    it('[SEC-26] fifty at once with one transaction id make one event', async () => {
      const ids = await Promise.all(
        Array.from({ length: 50 }, () => alice.send(roomId, 'm.room.message', text('hi'), 'parallel')),
      )
      expect(new Set(ids).size).toBe(1)
      expect(bodies((await page(alice, { dir: 'b', limit: 100 })).chunk)).toEqual(['hi'])
    })

    it('[SEC-26] the same transaction id of another device, type or room is another', async () => {
      const phone = await server.anonymous.logIn('alice', `alice's password`)
      const other = await alice.createRoom()
      const ids = [
        await alice.send(roomId, 'm.room.message', text('a'), 't'),
        await phone.send(roomId, 'm.room.message', text('a'), 't'),
        await alice.send(roomId, 'com.example.other', text('a'), 't'),
        await alice.send(other, 'm.room.message', text('a'), 't'),
      ]
      expect(new Set(ids).size).toBe(4)
    })

    it('remembers transaction ids across a restart', async () => {
      const first = await alice.send(roomId, 'm.room.message', text('before'), 'durable')
      await server.restart()
      expect(await alice.send(roomId, 'm.room.message', text('before'), 'durable')).toBe(first)
    })

    it('two processes of one server make one event of one transaction', async () => {
      await using second = await TestServer.start({ database: server.database })
      const elsewhere = await second.anonymous.logIn('alice', `alice's password`, { device_id: alice.deviceId })
      // Logging in again ended the device's first session: both processes are now used with the new one.
      const here = elsewhere.at(server.url)
      const ids = await Promise.all([
        ...Array.from({ length: 10 }, () => here.send(roomId, 'm.room.message', text('race'), 'both')),
        ...Array.from({ length: 10 }, () => elsewhere.send(roomId, 'm.room.message', text('race'), 'both')),
      ])
      expect(new Set(ids).size).toBe(1)
      alice = await server.anonymous.logIn('alice', `alice's password`)
    })

    it('[C-107] takes custom types', async () => {
      await alice.send(roomId, 'com.example.myapp.event', { anything: [1, { goes: true }] })
      await alice.setState(roomId, 'com.example.myapp.state', { x: 1 })
    })

    it('[C-115] is a message even where the type is that of a state event', async () => {
      await alice.setState(roomId, 'm.room.topic', { topic: 'real' })
      await alice.send(roomId, 'm.room.topic', { topic: 'fake' })
      expect(await alice.get(`${room}/state/m.room.topic`)).toEqual({ topic: 'real' })
    })

    it('refuses a message without msgtype', async () => {
      const answer = await alice.request('PUT', `${room}/send/m.room.message/x`, { body: { body: 'x' } })
      expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    })

    it.each([
      ['[SEC-2] integers beyond 2^53 - 1', '{"msgtype":"m.text","body":"x","n":9007199254740992}'],
      ['[SEC-2] integers below -(2^53 - 1)', '{"msgtype":"m.text","body":"x","n":-9007199254740992}'],
      ['[SEC-4] numbers without end', '{"msgtype":"m.text","body":"x","n":1e400}'],
      ['[SEC-5] what is no number', '{"msgtype":"m.text","body":"x","n":NaN}'],
      ['floats', '{"msgtype":"m.text","body":"x","n":1.5}'],
      ['[SEC-12] lone surrogates', '{"msgtype":"m.text","body":"\\ud800"}'],
      ['NUL characters', '{"msgtype":"m.text","body":"a\\u0000b"}'],
      ['duplicate keys', '{"msgtype":"m.text","body":"x","body":"y"}'],
      ['[SEC-6] lists', '[]'],
      ['[SEC-6] strings', '"x"'],
      ['deep nesting', `{"msgtype":"m.text","body":"x","a":${'['.repeat(5000)}${']'.repeat(5000)}}`],
    ])('refuses %s, and stores nothing', async (_name, body) => {
      const answer = await alice.request('PUT', `${room}/send/m.room.message/bad`, { body })
      expect(answer.status).toBe(400)
      expect(answer.body['errcode']).toMatch(/^M_(BAD_JSON|NOT_JSON)$/)
      expect(bodies((await page(alice, { dir: 'b', limit: 1 })).chunk)).toEqual([])
    })

    it('[SEC-8] [SEC-10] keeps keys that JavaScript treats specially', async () => {
      const content =
        '{"msgtype":"m.text","body":"x","__proto__":{"x":1},"constructor":{"prototype":{"x":1}},"10":1,"9":2}'
      const { body } = await alice.request('PUT', `${room}/send/m.room.message/proto`, { body: content })
      const event = await bob.request('GET', `${room}/event/${encodeURIComponent(body['event_id'] as string)}`)
      expect(event.text).toContain('"__proto__":{"x":1}')
      expect(event.text).toContain('"constructor":{"prototype":{"x":1}}')
      expect(({} as Record<string, unknown>)['x']).toBeUndefined()
    })

    it('[SEC-9] keeps astral characters, in keys too', async () => {
      const content = { ...text('😀 Ａ'), '😀': 1, Ａ: 2 }
      const eventId = await alice.send(roomId, 'm.room.message', content)
      expect((await bob.get(`${room}/event/${encodeURIComponent(eventId)}`))['content']).toEqual(content)
    })

    it('[SEC-13] takes an event of 65,536 bytes and refuses a larger one', async () => {
      const answers = await Promise.all(
        [64_500, 66_000].map((size, index) =>
          alice.request('PUT', `${room}/send/m.room.message/size${index}`, { body: text('x'.repeat(size)) }),
        ),
      )
      expect(answers[0]).toMatchObject({ status: 200 })
      expect(answers[1]).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
    })

    it.each([
      ['255 bytes', 'x'.repeat(255), 200],
      ['256 bytes', 'x'.repeat(256), 413],
      ['200 characters of four bytes', '😀'.repeat(200), 413],
    ])('[SEC-14] a type or state key of %s', async (_name, word, status) => {
      const asType = await alice.request('PUT', `${room}/send/${encodeURIComponent(word)}/1`, { body: {} })
      const asKey = await alice.request('PUT', `${room}/state/com.example/${encodeURIComponent(word)}`, { body: {} })
      expect([asType.status, asKey.status]).toEqual([status, status])
    })

    it.each(['%zz', '%', '%00', '%ff'])('[SEC-17] refuses the path segment %s', async (segment) => {
      const answer = await alice.request('PUT', `/_matrix/client/v3/${room}/send/m.room.message/${segment}`, {
        body: text('x'),
      })
      expect(answer.status).toBe(400)
    })
  })

  describe('state', () => {
    it('[C-105] replaces what was set under the same type and key', async () => {
      await alice.setState(roomId, 'm.room.topic', { topic: 'one' })
      await alice.setState(roomId, 'm.room.topic', { topic: 'two' })
      const { list } = (await alice.request('GET', `${room}/state`)).body as { list: Event[] }
      expect(list.filter(({ type }) => type === 'm.room.topic').map(({ content }) => content)).toEqual([
        { topic: 'two' },
      ])
    })

    it('[C-105] setting what is set gives the same event', async () => {
      const first = await alice.setState(roomId, 'm.room.name', { name: 'same' })
      expect(await alice.setState(roomId, 'm.room.name', { name: 'same' })).toBe(first)
    })

    it('[C-068] takes a level', async () => {
      const answer = await bob.request('PUT', `${room}/state/m.room.name`, { body: { name: 'x' } })
      expect(answer).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
      const levels = await alice.get(`${room}/state/m.room.power_levels`)
      await alice.setState(roomId, 'm.room.power_levels', { ...levels, users: { [bob.userId]: 50 } })
      expect(await bob.setState(roomId, 'm.room.name', { name: 'x' })).toMatch(/^\$/)
    })

    it('[C-071] nobody grants more than they have, or takes from those above', async () => {
      const carol = await server.register(`carol${Date.now()}`)
      const levels = await alice.get(`${room}/state/m.room.power_levels`)
      const set = (client: TestClient, users: JsonObject) =>
        client.request('PUT', `${room}/state/m.room.power_levels`, {
          body: { ...levels, events: { ...(levels['events'] as JsonObject), 'm.room.power_levels': 50 }, users },
        })
      const dave = `@dave:hearth.test`
      expect(await set(alice, { [bob.userId]: 50, [dave]: 100 })).toMatchObject({ status: 200 })
      expect(await set(bob, { [bob.userId]: 50, [dave]: 100, [carol.userId]: 60 })).toMatchObject({ status: 403 })
      expect(await set(bob, { [bob.userId]: 50, [dave]: 0 })).toMatchObject({ status: 403 })
      expect(await set(bob, { [bob.userId]: 50, [dave]: 100, [carol.userId]: 50 })).toMatchObject({ status: 200 })
    })

    it('[C-072] a level holds for those who are not in the room, and while they come and go', async () => {
      const name = `erin${Date.now()}`
      const levels = await alice.get(`${room}/state/m.room.power_levels`)
      await alice.setState(roomId, 'm.room.power_levels', { ...levels, users: { [`@${name}:hearth.test`]: 50 } })
      const erin = await server.register(name)
      for (const topic of ['first', 'second']) {
        await erin.join(roomId)
        await erin.setState(roomId, 'm.room.topic', { topic })
        await erin.leave(roomId)
      }
      const answer = await erin.request('PUT', `${room}/state/m.room.topic`, { body: { topic: 'third' } })
      expect(answer.status, '[C-074]').toBe(403)
    })

    it('[C-108] [C-111] [C-112] reads keys from the path: none, empty, percent-encoded', async () => {
      await alice.put(`${room}/state/com.example.a`, { n: 1 })
      await alice.put(`${room}/state/com.example.b/`, { n: 2 })
      await alice.put(`${room}/state/com.example.c/11`, { n: 3 })
      await alice.put(`${room}/state/com.example.d/${encodeURIComponent(alice.userId)}`, { n: 4 })
      await alice.put(`${room}/state/com.example.e/${encodeURIComponent('a/b%2F')}`, { n: 5 })
      expect(await alice.get(`${room}/state/com.example.a/`)).toEqual({ n: 1 })
      expect(await alice.get(`${room}/state/com.example.b`)).toEqual({ n: 2 })
      expect(await alice.get(`${room}/state/com.example.c/11`)).toEqual({ n: 3 })
      expect(await alice.request('GET', `${room}/state/com.example.c`)).toMatchObject({
        status: 404,
        body: { errcode: 'M_NOT_FOUND' },
      })
      expect(await alice.get(`${room}/state/com.example.d/${encodeURIComponent(alice.userId)}`)).toEqual({ n: 4 })
      expect(await alice.get(`${room}/state/com.example.e/${encodeURIComponent('a/b%2F')}`)).toEqual({ n: 5 })
    })

    it('[C-112] a key that is a user id belongs to that user', async () => {
      const answer = await alice.request('PUT', `${room}/state/com.example/${encodeURIComponent(bob.userId)}`, {
        body: {},
      })
      expect(answer).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    })

    it('[C-109] [C-110] knows no transaction ids and no POST', async () => {
      expect(await alice.request('PUT', `${room}/state/com.example/foo/11`, { body: {} })).toMatchObject({
        status: 404,
        body: { errcode: 'M_UNRECOGNIZED' },
      })
      expect(await alice.request('POST', `${room}/state/com.example/`, { body: {} })).toMatchObject({
        status: 405,
        body: { errcode: 'M_UNRECOGNIZED' },
      })
    })

    it('[C-124] [C-125] gives the content, the whole event, or all of it', async () => {
      const eventId = await alice.setState(roomId, 'm.room.name', { name: 'Room name' })
      expect(await bob.get(`${room}/state/m.room.name`)).toEqual({ name: 'Room name' })
      expect(await bob.get(`${room}/state/m.room.name`, { format: 'event' })).toMatchObject({
        event_id: eventId,
        state_key: '',
        room_id: roomId,
      })
      expect(JSON.parse((await bob.request('GET', `${room}/state`)).text)).toBeInstanceOf(Array)
    })

    it.each([
      ['strings as levels', { users_default: '100' }],
      ['fractions as levels', { ban: 1.5 }],
      ['levels beyond 2^53 - 1', { ban: 2 ** 53 }],
      ['keys that are no user ids', { users: { notauser: 50 } }],
    ])('[SEC-28] refuses %s', async (_name, content) => {
      const answer = await alice.request('PUT', `${room}/state/m.room.power_levels`, { body: content })
      expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    })

    it('[SEC-30] refuses a server ACL that shuts this server out', async () => {
      const acl = (content: JsonObject) => alice.request('PUT', `${room}/state/m.room.server_acl`, { body: content })
      expect(await acl({ allow: ['*'], deny: ['hearth.*'] })).toMatchObject({ status: 400 })
      expect(await acl({ allow: ['other.example'] })).toMatchObject({ status: 400 })
      expect(await acl({ allow: ['*'], deny: ['evil.example'] })).toMatchObject({ status: 200 })
    })
  })

  describe('GET /rooms/{roomId}/messages', () => {
    it('[C-106] [C-127] pages in both directions without overlap or hole', async () => {
      for (let n = 0; n < 25; n += 1) await alice.sendText(roomId, `m${n}`)
      const backwards: Event[] = []
      for (let from: string | undefined, pages = 0; pages < 20; pages += 1) {
        const { chunk, end } = await page(bob, { dir: 'b', limit: 7, ...(from && { from }) })
        backwards.push(...chunk)
        if (end === undefined) break
        from = end
      }
      const forwards: Event[] = []
      for (let from: string | undefined, pages = 0; pages < 20; pages += 1) {
        const { chunk, end } = await page(bob, { dir: 'f', limit: 7, ...(from && { from }) })
        forwards.push(...chunk)
        if (end === undefined) break
        from = end
      }
      const ids = (events: readonly Event[]) => events.map(({ event_id: id }) => id)
      expect(ids(forwards)).toEqual(ids(backwards).reverse())
      expect(bodies(forwards)).toEqual(Array.from({ length: 25 }, (_, n) => `m${n}`))
      expect(forwards[0]!.type).toBe('m.room.create')
    })

    it('[C-127] stops at `to`, and tokens are exclusive', async () => {
      await alice.sendText(roomId, 'before')
      const { start } = await page(alice, { dir: 'b', limit: 1 })
      await alice.sendText(roomId, 'after 1')
      await alice.sendText(roomId, 'after 2')
      expect(bodies((await page(alice, { dir: 'f', from: start })).chunk)).toEqual(['after 1', 'after 2'])
      expect(bodies((await page(alice, { dir: 'b', to: start })).chunk)).toEqual(['after 2', 'after 1'])
      expect(bodies((await page(alice, { dir: 'b', from: start })).chunk)).toEqual(['before'])
    })

    it('filters by type and sender', async () => {
      await alice.sendText(roomId, 'from alice')
      await bob.sendText(roomId, 'from bob')
      const filter = JSON.stringify({ types: ['m.room.message'], senders: [bob.userId] })
      expect(bodies((await page(alice, { dir: 'b', filter })).chunk)).toEqual(['from bob'])
      const lazy = JSON.stringify({ lazy_load_members: true, types: ['m.room.message'] })
      const { state } = (await page(alice, { dir: 'b', filter: lazy })) as unknown as { state: Event[] }
      expect(state.map((event) => event['state_key']).sort()).toEqual([alice.userId, bob.userId])
    })

    it.each(['limit=-1', 'limit=abc', 'dir=x', 'from=nonsense', 'from=s1e9', 'to=%20', 'filter=x', 'filter=[]'])(
      '[SEC-22] refuses %s',
      async (query) => {
        const answer = await alice.request('GET', `${room}/messages?${query.includes('dir') ? '' : 'dir=b&'}${query}`)
        expect(answer.status).toBe(400)
      },
    )

    it('[SEC-22] bounds a huge limit', async () => {
      expect((await alice.request('GET', `${room}/messages?dir=b&limit=1000000000`)).status).toBe(200)
    })
  })

  describe('GET /rooms/{roomId}/event/{eventId}', () => {
    it('gives an event to those who may see it', async () => {
      const eventId = await alice.sendText(roomId, 'seen')
      const path = `${room}/event/${encodeURIComponent(eventId)}`
      expect(await bob.get(path)).toMatchObject({ event_id: eventId, content: text('seen') })
      const other = await alice.createRoom({})
      expect(
        await alice.request('GET', `rooms/${encodeURIComponent(other)}/event/${encodeURIComponent(eventId)}`),
      ).toMatchObject({ status: 404 })
    })
  })

  describe('history visibility', () => {
    it('`joined` hides what was sent before one joined, `shared` does not', async () => {
      await alice.sendText(roomId, 'shared')
      await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
      await alice.sendText(roomId, 'members only')
      const carol = await server.register(`hv${Date.now()}`)
      await carol.join(roomId)
      await alice.sendText(roomId, 'to all')
      expect(bodies((await page(carol, { dir: 'b', limit: 50 })).chunk)).toEqual(['to all', 'shared'])
      expect(bodies((await page(bob, { dir: 'b', limit: 50 })).chunk)).toEqual(['to all', 'members only', 'shared'])
    })

    it('`invited` shows what was sent since the invitation', async () => {
      await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'invited' })
      const carol = await server.register(`iv${Date.now()}`)
      await alice.sendText(roomId, 'before')
      await alice.invite(roomId, carol.userId)
      await alice.sendText(roomId, 'since')
      await carol.join(roomId)
      expect(bodies((await page(carol, { dir: 'b', limit: 50 })).chunk)).toEqual(['since'])
    })

    it('`world_readable` shows everything to everybody', async () => {
      await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' })
      await alice.sendText(roomId, 'to the world')
      const carol = await server.register(`wr${Date.now()}`)
      expect(bodies((await page(carol, { dir: 'b', limit: 50 })).chunk)).toEqual(['to the world'])
    })

    it('who left sees what there was up to the leave', async () => {
      await alice.sendText(roomId, 'before')
      await bob.leave(roomId)
      await alice.sendText(roomId, 'after')
      expect(bodies((await page(bob, { dir: 'b', limit: 50 })).chunk)).toEqual(['before'])
      await alice.setState(roomId, 'm.room.name', { name: 'new' })
      expect(await bob.request('GET', `${room}/state/m.room.name`)).toMatchObject({ status: 404 })
    })
  })

  describe('redactions', () => {
    const redact = (client: TestClient, eventId: string, txn = `r${Math.random()}`) =>
      client.request('PUT', `${room}/redact/${encodeURIComponent(eventId)}/${txn}`, { body: { reason: 'rude' } })
    const event = (client: TestClient, eventId: string) => client.get(`${room}/event/${encodeURIComponent(eventId)}`)

    it('[C-130] [C-131] [C-137] strips the event and says why', async () => {
      const eventId = await bob.sendText(roomId, 'oops')
      const answer = await redact(bob, eventId)
      expect(answer).toMatchObject({ status: 200 })
      const redacted = await event(alice, eventId)
      expect(redacted['content']).toEqual({})
      expect(redacted['unsigned']).toMatchObject({
        redacted_because: { event_id: answer.body['event_id'], sender: bob.userId, content: { reason: 'rude' } },
      })
    })

    it('are done as well without a transaction id', async () => {
      const eventId = await bob.sendText(roomId, 'oops')
      const path = `${room}/redact/${encodeURIComponent(eventId)}`
      const answer = await bob.request('POST', path, { body: { reason: 'rude' } })
      expect(answer).toMatchObject({ status: 200, body: { event_id: expect.any(String) as string } })
      expect((await event(alice, eventId))['content']).toEqual({})
    })

    it('[C-132] removes the content from the database', async () => {
      const eventId = await bob.sendText(roomId, 'a secret of the past')
      await redact(bob, eventId)
      const rows = await server.store.database.query<{ found: number }>(
        null,
        `select count(*)::int as found from events where json like '%a secret of the past%'`,
      )
      expect(rows[0]!.found).toBe(0)
    })

    it('[C-133] [SEC-29] takes the level for what others sent, and an event of the same room', async () => {
      const eventId = await alice.sendText(roomId, 'mine')
      expect(await redact(bob, eventId)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
      const other = await alice.createRoom({ preset: 'public_chat' })
      const elsewhere = await alice.sendText(other, 'elsewhere')
      expect(await redact(alice, elsewhere)).toMatchObject({ status: 400 })
      const bobs = await bob.sendText(roomId, 'to be moderated')
      expect(await redact(alice, bobs)).toMatchObject({ status: 200 })
    })

    it('[C-138] the redaction is in the stream', async () => {
      const eventId = await bob.sendText(roomId, 'x')
      const { next_batch: since } = await alice.sync()
      await redact(bob, eventId)
      const { rooms } = await alice.sync({ since })
      expect(rooms?.join?.[roomId]?.timeline.events).toContainEqual(
        expect.objectContaining({ type: 'm.room.redaction', redacts: eventId }),
      )
    })

    it.each(['10', '11'])(
      'a redaction in a room of version %s says what it redacts in both places',
      async (version) => {
        const room = await alice.createRoom({ room_version: version })
        const eventId = await alice.sendText(room, 'x')
        const path = `rooms/${encodeURIComponent(room)}`
        const { event_id: redaction } = await alice.put(`${path}/redact/${encodeURIComponent(eventId)}/both`)
        const event = await alice.get(`${path}/event/${encodeURIComponent(redaction as string)}`)
        expect(event).toMatchObject({ redacts: eventId, content: { redacts: eventId } })
      },
    )

    it('[C-114] repeating a redaction gives the first one', async () => {
      const eventId = await bob.sendText(roomId, 'x')
      const first = await redact(bob, eventId, 'same')
      expect((await redact(bob, eventId, 'same')).body).toEqual(first.body)
    })
  })
})
