import type { JsonObject } from '@hearth/protocol'
import { TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FoundingClient, roomPath, statePath } from './founding-client.ts'

describe('events of the founding API', () => {
  let server: TestServer
  let alice: FoundingClient
  let bob: FoundingClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await FoundingClient.register(server, 'alice')
    bob = await FoundingClient.register(server, 'bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ visibility: 'public', name: 'Room name' })
    await bob.join(roomId)
  })

  const unrecognized = (status: number) => ({ status, body: { errcode: 'M_UNRECOGNIZED' } })

  describe('state', () => {
    it('[C-105] [E-003] takes the place of what was there', async () => {
      await alice.setState(roomId, 'm.room.topic', { topic: 'one' })
      const from = await alice.now()
      await alice.setState(roomId, 'm.room.topic', { topic: 'two' })
      const topics = (await alice.allState(roomId)).filter(({ type }) => type === 'm.room.topic')
      expect(topics).toMatchObject([{ content: { topic: 'two' }, state_key: '' }])
      const { chunk } = await alice.events({ from })
      expect(chunk).toMatchObject([{ content: { topic: 'two' }, prev_content: { topic: 'one' } }])
    })

    it('[C-107] takes custom types', async () => {
      expect(await alice.setState(roomId, 'com.example.myapp.event', { a: 1 })).toMatchObject({ status: 200 })
      expect(await alice.state(roomId, 'com.example.myapp.event')).toEqual({ a: 1 })
    })

    it('[C-108] [H-07] has the empty key when none is given, with a slash at the end or without', async () => {
      const answer = await alice.setState(roomId, 'com.example.keyless', { n: 1 })
      expect(answer).toMatchObject({ status: 200, body: { event_id: expect.stringMatching(/^\$/) as unknown } })
      expect(await alice.state(roomId, 'com.example.keyless')).toEqual({ n: 1 })
      expect(await alice.get(`${statePath(roomId, 'com.example.keyless')}/`)).toEqual({ n: 1 })
      await alice.put(`${statePath(roomId, 'com.example.keyless')}/`, { n: 2 })
      expect(await alice.stateEvent(roomId, 'com.example.keyless')).toMatchObject({ state_key: '', content: { n: 2 } })
      expect((await alice.setState(roomId, 'com.example.keyless', { n: 3 }, 'key')).status).toBe(200)
      expect(await alice.state(roomId, 'com.example.keyless', 'key')).toEqual({ n: 3 })
    })

    it('[C-109] takes no transaction id', async () => {
      const path = `${statePath(roomId, 'com.example.T', 'foo')}/11`
      expect(await alice.request('PUT', path, { body: { n: 1 } })).toMatchObject(unrecognized(404))
      expect(await alice.stateEvent(roomId, 'com.example.T', 'foo')).toBeUndefined()
      expect(await alice.stateEvent(roomId, 'com.example.T', '11')).toBeUndefined()
    })

    it('[C-110] is not set by POST', async () => {
      const path = `${statePath(roomId, 'm.example.event')}/`
      expect(await alice.request('POST', path, { body: {} })).toMatchObject(unrecognized(405))
    })

    it('[C-111] takes a number for a key like any other', async () => {
      await alice.setState(roomId, 'com.example.T', { n: 11 }, '11')
      expect(await alice.state(roomId, 'com.example.T', '11')).toEqual({ n: 11 })
      expect(await alice.status('GET', statePath(roomId, 'com.example.T'))).toBe(404)
    })

    it('[C-112] decodes keys, and lets nobody use those that are the ids of others', async () => {
      const path = `rooms/${encodeURIComponent(roomId)}/state/com.example.own/%40alice%3Ahearth.test`
      await alice.put(path, { n: 1 })
      expect(await alice.stateEvent(roomId, 'com.example.own', '@alice:hearth.test')).toMatchObject({
        content: { n: 1 },
      })
      const refused = await alice.setState(roomId, 'com.example.own', { n: 1 }, bob.userId)
      expect(refused).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    })

    it('[C-124] [H-08] gives the content of a key, and nothing else of the event', async () => {
      expect(await bob.state(roomId, 'm.room.name')).toEqual({ name: 'Room name' })
      const absent = await bob.request('GET', statePath(roomId, 'com.example.absent'))
      expect(absent).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
      const stranger = await FoundingClient.register(server, 'stranger')
      for (const type of ['m.room.name', 'm.room.ops_levels', 'm.room.power_levels', 'm.room.aliases']) {
        const key = type === 'm.room.aliases' ? 'hearth.test' : undefined
        const refused = await stranger.request('GET', statePath(roomId, type, key))
        expect(refused, type).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
      }
      expect((await stranger.request('GET', roomPath(roomId, 'state'))).status).toBe(403)
    })

    it('[C-125] [H-08] [H-14] gives all state events as a list', async () => {
      const state = await bob.allState(roomId)
      expect(Array.isArray(state)).toBe(true)
      const name = state.find(({ type }) => type === 'm.room.name')
      expect(name).toMatchObject({
        user_id: alice.userId,
        room_id: roomId,
        state_key: '',
        content: { name: 'Room name' },
        age: expect.any(Number) as unknown,
      })
      for (const key of ['auth_events', 'prev_events', 'depth', 'hashes', 'signatures'])
        expect(name).not.toHaveProperty(key)
    })
  })

  describe('messages', () => {
    const send = (content: unknown, type = 'm.room.message', client = alice) =>
      client.request('POST', roomPath(roomId, 'send', type), { body: content })

    it('[C-106] are added to each other', async () => {
      const ids = [await alice.sendText(roomId, 'same'), await alice.sendText(roomId, 'same')]
      const { chunk } = await bob.messages(roomId, { limit: 2 })
      expect(chunk.map((event) => event.event_id)).toEqual(ids.reverse())
    })

    it('[C-107] can be of custom types', async () => {
      expect(await send({ a: 1 }, 'com.example.myapp.event')).toMatchObject({ status: 200 })
    })

    it('[C-113] [H-09] each POST sends another', async () => {
      const body = { msgtype: 'm.text', body: 'x' }
      const [first, second] = [await send(body), await send(body)]
      expect(first.body).toEqual({ event_id: expect.stringMatching(/^\$/) as unknown })
      expect(second.body['event_id']).not.toBe(first.body['event_id'])
    })

    it('[C-114] [H-09] a PUT with the same transaction id sends one', async () => {
      const path = roomPath(roomId, 'send', 'm.room.message', 'txn1')
      const first = await alice.put(path, { msgtype: 'm.text', body: 'x' })
      expect(await alice.put(path, { msgtype: 'm.text', body: 'x' })).toEqual(first)
      const { chunk } = await alice.messages(roomId, { limit: 5 })
      expect(chunk.filter((event) => event.event_id === first['event_id'])).toHaveLength(1)
    })

    it('[C-115] do not touch the state, whatever their type', async () => {
      await send({ topic: 'not the topic' }, 'm.room.topic')
      expect(await alice.status('GET', statePath(roomId, 'm.room.topic'))).toBe(404)
    })

    it('[E-017] [X-14] [H-09] need a msgtype', async () => {
      for (const content of [{}, { body: 'x' }, { msgtype: 3, body: 'x' }]) {
        expect(await send(content)).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
        const put = await alice.request('PUT', roomPath(roomId, 'send', 'm.room.message', 't'), { body: content })
        expect(put).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
      }
    })

    it.each([
      ['[E-020]', 'm.text', 'body', 'I am a fish'],
      ['[E-021]', 'm.emote', 'body', 'swims'],
      ['[E-022]', 'm.notice', 'body', 'I am a bot'],
      ['[E-024]', 'm.image', 'url', 'mxc://hearth.test/a'],
      ['[E-026]', 'm.audio', 'url', 'mxc://hearth.test/a'],
      ['[E-028]', 'm.video', 'url', 'mxc://hearth.test/a'],
      ['[E-030]', 'm.location', 'geo_uri', 'geo:37.7,-122.3'],
      ['[E-031] [X-15]', 'm.file', 'url', 'mxc://hearth.test/a'],
    ])('%s [X-14] need, as %s, the key %s', async (_id, msgtype, key, value) => {
      for (const content of [{ msgtype }, { msgtype, [key]: 3 }]) {
        expect(await send(content)).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
      }
      const content = { msgtype, [key]: value, info: { size: 3, thumbanil_info: { w: 1 } } }
      const from = await bob.now()
      expect(await send(content)).toMatchObject({ status: 200 })
      expect((await bob.events({ from })).chunk).toMatchObject([{ content, user_id: alice.userId }])
    })

    it('[E-019] can be of unknown kinds', async () => {
      expect(await send({ msgtype: 'com.example.x', body: 'x' })).toMatchObject({ status: 200 })
    })

    it('[E-015] as feedback say that something was delivered or read', async () => {
      const target = await alice.sendText(roomId, 'read me')
      const feedback = (type: string) => send({ type, target_event_id: target }, 'm.room.message.feedback', bob)
      expect(await feedback('read')).toMatchObject({ status: 200 })
      expect(await feedback('eaten')).toMatchObject({ status: 400, body: { error: 'Bad feedback type.' } })
    })

    it('[X-14] are less restricted in the API of today', async () => {
      const headers = { authorization: `Bearer ${alice.accessToken}` }
      const path = roomPath(roomId, 'send', 'm.room.message', 'today')
      const answer = await server.anonymous.request('PUT', path, { body: { msgtype: 'm.text' }, headers })
      expect(answer.status).toBe(200)
    })
  })

  describe('of a room', () => {
    const texts = (chunk: readonly JsonObject[]) => chunk.map(({ content }) => (content as JsonObject)['body'])

    beforeEach(async () => {
      for (const text of ['one', 'two', 'three']) await alice.sendText(roomId, text)
    })

    it('[C-126] [H-15] lists all members there are or were, as a page', async () => {
      const [carol, dora] = [await invite('carol'), await invite('dora')]
      await alice.post(roomPath(roomId, 'ban'), { user_id: dora })
      await bob.post(roomPath(roomId, 'leave'))
      const { start, end, chunk } = await alice.get(roomPath(roomId, 'members'))
      expect([typeof start, typeof end]).toEqual(['string', 'string'])
      const members = (chunk as JsonObject[]).map((event) => {
        expect(event).toMatchObject({ type: 'm.room.member', room_id: roomId, user_id: expect.any(String) as unknown })
        return [event['state_key'], (event['content'] as JsonObject)['membership']]
      })
      expect(new Map(members as [string, string][])).toEqual(
        new Map([
          [alice.userId, 'join'],
          [bob.userId, 'leave'],
          [carol, 'invite'],
          [dora, 'ban'],
        ]),
      )
    })

    async function invite(user: string): Promise<string> {
      const userId = `@${user}:hearth.test`
      await alice.post(roomPath(roomId, 'invite'), { user_id: userId })
      return userId
    }

    it('[C-127] [H-16] [M-25] pages back from the newest event, newest first, with or without a direction', async () => {
      const end = await bob.now()
      await alice.sendText(roomId, 'later')
      for (const query of [{ from: end }, { from: end, dir: 'b' }]) {
        const first = await bob.messages(roomId, { ...query, limit: 2 })
        expect(texts(first.chunk)).toEqual(['three', 'two'])
        const second = await bob.messages(roomId, { ...query, from: first.end, limit: 1 })
        expect(texts(second.chunk)).toEqual(['one'])
        expect(first.start).toBe(end.split('_')[0])
      }
      expect(texts((await bob.messages(roomId, { limit: 1 })).chunk)).toEqual(['later'])
    })

    it('[C-127] [H-16] pages forth, and stops at the bound that it is given', async () => {
      const back = await bob.messages(roomId, { limit: 3 })
      const forth = await bob.messages(roomId, { from: back.end, dir: 'f' })
      expect(texts(forth.chunk)).toEqual(['one', 'two', 'three'])
      const newest = await bob.messages(roomId, { limit: 1 })
      const bounded = await bob.messages(roomId, { from: back.end, to: newest.end, dir: 'f' })
      expect(texts(bounded.chunk)).toEqual(['one', 'two'])
      expect(texts((await bob.messages(roomId, { to: newest.end })).chunk)).toEqual(['three'])
    })

    it('[C-127] [H-16] knows START and END', async () => {
      const all = (await bob.messages(roomId, { from: 'END', to: 'START', limit: 50 })).chunk
      expect(texts(all.slice(0, 3))).toEqual(['three', 'two', 'one'])
      expect(all.at(-1)).toMatchObject({ type: 'm.room.create' })
      const forth = (await bob.messages(roomId, { from: 'START', to: 'END', dir: 'f', limit: 50 })).chunk
      expect(forth.map((event) => event.event_id)).toEqual(all.map((event) => event.event_id).reverse())
      for (const query of [{ from: 'START' }, { from: 'END', dir: 'f' }, { to: 'END' }, { to: 'START', dir: 'f' }]) {
        const page = await bob.messages(roomId, query)
        expect(page).toEqual({ start: page.end, end: expect.any(String) as unknown, chunk: [] })
      }
      const empty = await bob.messages(roomId, { from: 'END', dir: 'f' })
      await alice.sendText(roomId, 'four')
      expect(texts((await bob.messages(roomId, { from: empty.end, dir: 'f' })).chunk)).toEqual(['four'])
    })

    it('[C-041] [C-127] refuses tokens and limits that are none', async () => {
      const queries: Record<string, string>[] = [
        { from: 'nonsense' },
        { to: 'nonsense' },
        { limit: 'hello' },
        { limit: '-1' },
        { dir: 'up' },
      ]
      for (const query of queries) {
        const { status } = await bob.request('GET', roomPath(roomId, 'messages'), { query })
        expect(status, JSON.stringify(query)).toBe(400)
      }
      for (const path of ['initialSync', 'events', roomPath(roomId, 'initialSync')]) {
        expect((await bob.request('GET', path, { query: { limit: 'hello' } })).status).toBe(400)
      }
    })

    it('[C-128] [X-07] shows memberships among the messages', async () => {
      const { chunk } = await bob.messages(roomId, { limit: 50 })
      expect(chunk.map(({ type }) => type)).toEqual(expect.arrayContaining(['m.room.message', 'm.room.member']))
      const levels = chunk.find(({ type }) => type === 'm.room.power_levels')
      expect(levels!.content).toEqual({ [alice.userId]: 100, default: 0 })
    })

    it('[C-129] [H-11] gives one room at once', async () => {
      const room = await bob.get(roomPath(roomId, 'initialSync'), { limit: 2 })
      expect(room).toMatchObject({ room_id: roomId, membership: 'join', receipts: [] })
      const { messages, state } = room as unknown as { messages: { chunk: JsonObject[] }; state: JsonObject[] }
      expect(texts(messages.chunk)).toEqual(['two', 'three'])
      expect(state.map(({ type }) => type)).toEqual(
        expect.arrayContaining(['m.room.add_state_level', 'm.room.send_event_level', 'm.room.ops_levels']),
      )
      const none = await bob.get(roomPath(roomId, 'initialSync'), { limit: 0 })
      expect(none).toMatchObject({ messages: { chunk: [] } })
    })

    it('[C-043] [H-13] [H-14] gives one event to those who may see it', async () => {
      const eventId = await alice.sendText(roomId, 'look')
      for (const path of [`events/${encodeURIComponent(eventId)}`, roomPath(roomId, 'event', eventId)]) {
        const event = await bob.get(path)
        expect(event).toMatchObject({
          event_id: eventId,
          user_id: alice.userId,
          room_id: roomId,
          content: { body: 'look' },
        })
        expect(event).toHaveProperty('age')
        const stranger = await FoundingClient.register(server, `stranger-${path.length}`)
        expect(await stranger.status('GET', path)).toBe(404)
      }
      expect(await bob.status('GET', `events/${encodeURIComponent('$unknown')}`)).toBe(404)
    })
  })
})
