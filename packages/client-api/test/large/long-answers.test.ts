import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { TimeSlice } from '@hearth/runtime'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

/** More than are read at a time. */
const memberCount = 1_201
const roomCount = 201

describe('answers that are made while they are sent', () => {
  let server: TestServer
  let alice: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    // Those whom nobody has registered are invited all the same.
    const invited = Array.from({ length: memberCount - 1 }, (_, n) => `@guest${n}:hearth.test`)
    for (let start = 0; start < invited.length; start += 20) {
      await Promise.all(invited.slice(start, start + 20).map((userId) => alice.invite(roomId, userId)))
    }
    for (let n = 1; n < roomCount; n += 1) await alice.createRoom({ name: `Room ${n}` })
  }, 120_000)
  afterAll(() => server.stop())

  const path = (rest: string): string => `rooms/${encodeURIComponent(roomId)}/${rest}`

  it('gives every member once', async () => {
    const answer = await alice.request('GET', path('members'))
    expect(answer.headers.get('content-length')).toBeNull()
    const chunk = answer.body['chunk'] as JsonObject[]
    expect(new Set(chunk.map((event) => event['state_key'])).size).toBe(memberCount)
    expect(chunk).toHaveLength(memberCount)
  })

  it('filters them by membership', async () => {
    const chunkOf = async (query: Record<string, string>) =>
      (await alice.get(path('members'), query))['chunk'] as JsonObject[]
    expect(await chunkOf({ membership: 'join' })).toHaveLength(1)
    expect(await chunkOf({ membership: 'invite' })).toHaveLength(memberCount - 1)
    expect(await chunkOf({ not_membership: 'invite' })).toHaveLength(1)
    expect(await chunkOf({ membership: 'ban' })).toEqual([])
  })

  it('gives every state event once', async () => {
    const { body } = await alice.request('GET', path('state'))
    const events = body['list'] as unknown as JsonObject[]
    const keys = new Set(events.map((event) => JSON.stringify([event['type'], event['state_key']])))
    expect([keys.size, events.length]).toEqual([memberCount + 4, memberCount + 4])
  })

  it('gives every member through the founding API too', async () => {
    const { chunk } = await alice.get(`/_matrix/client/api/v1/rooms/${encodeURIComponent(roomId)}/members`)
    expect(chunk).toHaveLength(memberCount)
  })

  it('gives one room at once through the founding API, and what is left of it today', async () => {
    for (const prefix of ['/_matrix/client/api/v1/', '/_matrix/client/v3/']) {
      const answer = await alice.request('GET', `${prefix}rooms/${encodeURIComponent(roomId)}/initialSync`)
      expect(answer.headers.get('content-length')).toBeNull()
      const { state, ...rest } = answer.body
      const members = (state as JsonObject[]).filter(({ type }) => type === 'm.room.member')
      expect(new Set(members.map((event) => event['state_key'])).size).toBe(memberCount)
      expect(rest).toMatchObject({ room_id: roomId, membership: 'join', messages: { chunk: { length: 10 } } })
    }
    const { body } = await alice.request('GET', `/_matrix/client/api/v1/rooms/${encodeURIComponent(roomId)}/state`)
    const types = (body['list'] as unknown as JsonObject[]).map(({ type }) => type)
    expect(types.filter((type) => type === 'm.room.member')).toHaveLength(memberCount)
    expect(types).toContain('m.room.ops_levels')
  })

  it('lets others run between its parts, although all of it is in memory', async () => {
    for (const rest of ['members', 'state', 'initialSync']) {
      await alice.request('GET', path(rest))
      const rests = vi.spyOn(TimeSlice.prototype, 'rest')
      await alice.request('GET', path(rest))
      expect(rests.mock.calls.length, rest).toBeGreaterThanOrEqual(Math.floor(memberCount / 500))
      rests.mockRestore()
    }
  })

  it('tells who is joined', async () => {
    expect(await alice.get(path('joined_members'))).toEqual({
      joined: { [alice.userId]: { display_name: null, avatar_url: null } },
    })
  })

  it('refuses before it begins', async () => {
    const stranger = await server.register('stranger')
    for (const rest of ['members', 'state', 'joined_members']) {
      expect(await stranger.request('GET', path(rest))).toMatchObject({
        status: 403,
        body: { errcode: 'M_FORBIDDEN' },
      })
    }
  })

  it('begins a sync with every room, and goes on from there', async () => {
    await alice.leave(await alice.createRoom())
    const invitation = await (await server.register('inviter')).createRoom({ invite: [alice.userId] })
    const answer = await alice.request('GET', 'sync', { query: { filter: '{"room":{"include_leave":true}}' } })
    expect(answer.headers.get('content-length')).toBeNull()
    const { rooms, next_batch: since } = answer.body as unknown as Awaited<ReturnType<TestClient['sync']>>
    expect(Object.keys(rooms!.join!)).toHaveLength(roomCount)
    expect(Object.keys(rooms!.leave!)).toHaveLength(1)
    expect(Object.keys(rooms!.invite!)).toEqual([invitation])
    await alice.sendText(roomId, 'and on')
    const next = await alice.sync({ since })
    expect(Object.keys(next.rooms!.join!)).toEqual([roomId])
  })

  it('begins a sync with one large room, and goes on from there', async () => {
    const follower = await server.register('follower')
    const begun = await follower.sync()
    await follower.join(roomId)
    for (const since of [undefined, begun.next_batch]) {
      for (const key of ['state', 'state_after'] as const) {
        const query = { ...(since !== undefined && { since }), ...(key === 'state_after' && { use_state_after: true }) }
        const rests = vi.spyOn(TimeSlice.prototype, 'rest')
        const answer = await follower.request('GET', 'sync', { query: { set_presence: 'offline', ...query } })
        expect(answer.headers.get('content-length')).toBeNull()
        expect(rests.mock.calls.length).toBeGreaterThanOrEqual(2)
        rests.mockRestore()
        const { rooms, next_batch: next } = answer.body as unknown as Awaited<ReturnType<TestClient['sync']>>
        const section = rooms!.join![roomId] as unknown as Record<string, { events: JsonObject[] }>
        const events = [...section[key]!.events, ...section['timeline']!.events]
        const members = events.filter(({ type }) => type === 'm.room.member').map((event) => event['state_key'])
        expect(new Set(members).size).toBe(memberCount + 1)
        expect(section['account_data']).toEqual({ events: [] })
        expect((await follower.sync({ since: next, timeout: 0 })).rooms?.join).toBeUndefined()
      }
    }
    await follower.leave(roomId)
  })

  it('begins with every room through the founding API too', async () => {
    for (const prefix of ['/_matrix/client/api/v1/', '/_matrix/client/v3/']) {
      const answer = await alice.get(`${prefix}initialSync`, { limit: 1 })
      const rooms = answer['rooms'] as JsonObject[]
      expect(new Set(rooms.map((room) => room['room_id'])).size).toBe(roomCount + 1)
      expect(answer).toMatchObject({ end: expect.any(String) as string, receipts: [] })
    }
  })
})
