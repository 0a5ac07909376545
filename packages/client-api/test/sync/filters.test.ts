import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { gist, joinedRoom, keysOf, withFilter } from './answer-parts.ts'

describe('the filter of /sync', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  let otherId: string
  let since: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    otherId = await alice.createRoom({ preset: 'public_chat' })
    for (const each of [roomId, otherId]) await bob.join(each)
    since = (await alice.sync()).next_batch
  })

  const roomWith = async (filter: JsonObject, query: JsonObject = { since }) =>
    joinedRoom(await alice.sync({ ...(query as Record<string, string>), ...withFilter(filter) }), roomId)
  const timelineWith = async (timeline: JsonObject) => gist((await roomWith({ room: { timeline } }))?.timeline.events)

  describe('of timelines', () => {
    beforeEach(async () => {
      await alice.sendText(roomId, 'mine')
      await bob.sendText(roomId, 'his')
      await alice.send(roomId, 'com.example.picture', { body: 'picture', url: 'mxc://hearth.test/1' })
      await bob.send(roomId, 'com.example.odd', { body: 'odd', url: 7 })
    })

    it.each<[string, () => JsonObject, string[]]>([
      ['types', () => ({ types: ['com.example.odd', 'm.room.message'] }), ['mine', 'his', 'odd']],
      ['types with wildcards', () => ({ types: ['com.*p*'] }), ['picture', 'odd']],
      ['no types', () => ({ types: [] }), []],
      ['not_types', () => ({ not_types: ['m.room.*'] }), ['picture', 'odd']],
      ['not_types before types', () => ({ types: ['*'], not_types: ['com.example.*'] }), ['mine', 'his']],
      ['senders', () => ({ senders: [bob.userId] }), ['his', 'odd']],
      ['not_senders', () => ({ not_senders: [bob.userId] }), ['mine', 'picture']],
      ['not_senders before senders', () => ({ senders: [bob.userId], not_senders: [bob.userId] }), []],
      ['rooms', () => ({ rooms: [roomId] }), ['mine', 'his', 'picture', 'odd']],
      ['other rooms', () => ({ rooms: [otherId] }), []],
      ['not_rooms', () => ({ not_rooms: [roomId] }), []],
      ['contains_url', () => ({ contains_url: true }), ['picture']],
      ['no URL', () => ({ contains_url: false }), ['mine', 'his', 'odd']],
      ['a limit', () => ({ limit: 2 }), ['picture', 'odd']],
      ['a limit with senders', () => ({ senders: [alice.userId], limit: 1 }), ['picture']],
    ])('chooses by %s', async (_, timeline, expected) => {
      expect(await timelineWith(timeline())).toEqual(expected)
    })

    it('is limited only if there is more that it lets through', async () => {
      const limited = async (timeline: JsonObject) => (await roomWith({ room: { timeline } }))?.timeline.limited
      expect(await limited({ senders: [bob.userId], limit: 2 })).toBe(false)
      expect(await limited({ senders: [bob.userId], limit: 1 })).toBe(true)
    })

    it('finds what is far behind others', async () => {
      for (let n = 0; n < 60; n += 1) await alice.send(roomId, 'com.example.noise', {})
      expect(await timelineWith({ types: ['m.room.message'], limit: 1 })).toEqual(['his'])
      const initial = await roomWith({ room: { timeline: { types: ['m.room.message'], limit: 5 } } }, {})
      expect(gist(initial?.timeline.events)).toEqual(['mine', 'his'])
      expect(initial?.timeline.limited).toBe(false)
    })

    it('with a limit of 0 shows no event, all of the state, and where to page back from', async () => {
      const { timeline, state } = (await roomWith({ room: { timeline: { limit: 0 } } }, {}))!
      expect(timeline).toMatchObject({ events: [], limited: true })
      expect(keysOf(state?.events)).toContain('m.room.create|')
      const { chunk } = await alice.get(`rooms/${encodeURIComponent(roomId)}/messages`, {
        dir: 'b',
        from: timeline.prev_batch,
        limit: 1,
      })
      expect(chunk).toMatchObject([{ content: { body: 'odd' } }])
      const incremental = (await roomWith({ room: { timeline: { limit: 0 } } }))!
      expect(incremental.timeline).toMatchObject({ events: [], limited: true })
    })
  })

  describe('of state', () => {
    beforeEach(async () => {
      await alice.setState(roomId, 'm.room.topic', { topic: 'a topic' })
      await alice.setState(roomId, 'com.example.state', { a: 1 })
      for (let n = 0; n < 3; n += 1) await alice.sendText(roomId, `m${n}`)
    })
    const stateWith = async (state: JsonObject) =>
      keysOf((await roomWith({ room: { state, timeline: { limit: 1 } } }))?.state?.events)

    it.each<[string, () => JsonObject, string[]]>([
      ['everything', () => ({}), ['com.example.state|', 'm.room.topic|']],
      ['types', () => ({ types: ['m.room.*'] }), ['m.room.topic|']],
      ['not_types', () => ({ not_types: ['m.room.topic'] }), ['com.example.state|']],
      ['senders', () => ({ senders: [bob.userId] }), []],
      ['rooms', () => ({ rooms: [otherId] }), []],
      ['not_rooms', () => ({ not_rooms: [roomId] }), []],
    ])('chooses by %s', async (_, state, expected) => {
      expect(await stateWith(state())).toEqual(expected)
    })
  })

  it('of rooms goes before the others', async () => {
    await alice.sendText(roomId, 'here')
    await alice.sendText(otherId, 'there')
    const roomsWith = async (room: JsonObject) =>
      Object.keys((await alice.sync({ since, ...withFilter({ room }) })).rooms?.join ?? {})
    expect(await roomsWith({ rooms: [roomId] })).toEqual([roomId])
    expect(await roomsWith({ not_rooms: [roomId] })).toEqual([otherId])
    expect(await roomsWith({ rooms: [roomId], not_rooms: [roomId] })).toEqual([])
    expect(await roomsWith({ rooms: [roomId], timeline: { rooms: [otherId] } })).toEqual([])
  })

  it('leaves no answer where nothing passes: the client waits on', async () => {
    const waiting = alice.sync({
      since,
      timeout: 30_000,
      ...withFilter({ room: { timeline: { types: ['com.example.*'] } } }),
    })
    await bob.sendText(roomId, 'not wanted')
    await bob.send(roomId, 'com.example.wanted', {})
    expect(gist(joinedRoom(await waiting, roomId)?.timeline.events)).toEqual(['com.example.wanted'])
  })

  it('of account data chooses by type, and in rooms by room', async () => {
    const data = `user/${encodeURIComponent(alice.userId)}`
    for (const type of ['com.example.a', 'com.example.b']) {
      await alice.put(`${data}/account_data/${type}`, { type })
      await alice.put(`${data}/rooms/${encodeURIComponent(roomId)}/account_data/${type}`, { type })
    }
    const typesWith = async (filter: JsonObject) => {
      const answer = await alice.sync({ since, ...withFilter(filter) })
      const types = (events: readonly { type: string }[] | undefined) => (events ?? []).map(({ type }) => type)
      return [types(answer.account_data?.events), types(joinedRoom(answer, roomId)?.account_data?.events)]
    }
    const [a, b] = ['com.example.a', 'com.example.b']
    expect(await typesWith({})).toEqual([
      [a, b],
      [a, b],
    ])
    expect(await typesWith({ account_data: { types: [a] } })).toEqual([[a], [a, b]])
    expect(await typesWith({ room: { account_data: { not_types: [a] } } })).toEqual([[a, b], [b]])
    expect(await typesWith({ room: { account_data: { not_rooms: [roomId] } } })).toEqual([[a, b], []])
    expect(await typesWith({ account_data: { types: [] }, room: { account_data: { types: [] } } })).toEqual([[], []])
  })

  describe('of the form', () => {
    it('keeps the fields of state events too', async () => {
      const answer = await roomWith({ event_fields: ['type', 'state_key'], room: { timeline: { limit: 0 } } }, {})
      expect(answer?.state?.events).toContainEqual({ type: 'm.room.create', state_key: '' })
    })

    it('gives state events as servers exchange them too', async () => {
      const answer = await roomWith({ event_format: 'federation', room: { timeline: { limit: 0 } } }, {})
      for (const event of answer!.state!.events) {
        expect(event).toMatchObject({ room_id: roomId, event_id: expect.stringMatching(/^\$/) as unknown })
        expect(event).toHaveProperty('auth_events')
        expect(event).not.toHaveProperty('unsigned')
      }
    })

    it('keeps fields of events as servers exchange them', async () => {
      await alice.sendText(roomId, 'hello')
      const answer = await roomWith({ event_format: 'federation', event_fields: ['depth', 'content.body'] })
      expect(answer?.timeline.events).toEqual([{ depth: expect.any(Number) as unknown, content: { body: 'hello' } }])
    })
  })
})
