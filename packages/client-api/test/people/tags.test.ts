import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('tags of rooms', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
  })

  afterAll(() => server.stop())

  const path = (client: TestClient, room: string, tag?: string): string =>
    `user/${encodeURIComponent(client.userId)}/rooms/${encodeURIComponent(room)}/tags` +
    (tag === undefined ? '' : `/${encodeURIComponent(tag)}`)

  async function refusal(client: TestClient, method: string, target: string, body?: unknown): Promise<unknown[]> {
    const answer = await client.request(method, target, { ...(body !== undefined && { body }) })
    return [answer.status, answer.body['errcode']]
  }

  it('are added, changed and taken away, each user’s own', async () => {
    const room = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(room)
    expect(await alice.get(path(alice, room))).toEqual({ tags: {} })
    expect(await alice.put(path(alice, room, 'm.favourite'), { order: 0.25 })).toEqual({})
    await alice.put(path(alice, room, 'u.Work / play'), { 'org.example.colour': 'red' })
    await alice.put(path(alice, room, '__proto__'), {})
    await alice.put(path(alice, room, 'm.favourite'), { order: 1 })
    expect(Object.entries((await alice.get(path(alice, room)))['tags'] as object)).toEqual([
      ['m.favourite', { order: 1 }],
      ['u.Work / play', { 'org.example.colour': 'red' }],
      ['__proto__', {}],
    ])
    expect(await bob.get(path(bob, room))).toEqual({ tags: {} })
    for (let i = 0; i < 2; i++) expect(await alice.expect('DELETE', path(alice, room, '__proto__'))).toEqual({})
    await alice.expect('DELETE', path(alice, room, 'u.Work / play'))
    expect(await alice.get(path(alice, room))).toEqual({ tags: { 'm.favourite': { order: 1 } } })
  })

  it('come down a sync and the APIs of 2014 as account data of the room', async () => {
    const room = await alice.createRoom()
    const { next_batch: since } = await alice.sync()
    const { end: from } = await alice.get('/_matrix/client/api/v1/events', { timeout: 0 })
    await alice.put(path(alice, room, 'test_tag'), { order: 1 })
    const expected = { type: 'm.tag', content: { tags: { test_tag: { order: 1 } } } }
    const news = await alice.sync({ since })
    expect(news.rooms!.join![room]!.account_data!.events).toEqual([expected])
    expect((await alice.sync()).rooms!.join![room]!.account_data!.events).toEqual([expected])
    const stream = await alice.get('/_matrix/client/api/v1/events', { from: from as string, timeout: 0 })
    expect(stream['chunk']).toEqual([{ ...expected, room_id: room }])
    const snapshot = await alice.get(`/_matrix/client/api/v1/rooms/${encodeURIComponent(room)}/initialSync`)
    expect(snapshot['account_data']).toEqual([expected])
    const whole = await alice.get('/_matrix/client/api/v1/initialSync')
    const ofRoom = (whole['rooms'] as { room_id: string; account_data: unknown }[]).find(
      (each) => each.room_id === room,
    )
    expect(ofRoom!.account_data).toEqual([expected])

    await alice.expect('DELETE', path(alice, room, 'test_tag'))
    const later = await alice.sync({ since: news.next_batch })
    expect(later.rooms!.join![room]!.account_data!.events).toEqual([{ type: 'm.tag', content: { tags: {} } }])
  })

  it('that are added at the same time are all there', async () => {
    const room = await alice.createRoom()
    const names = Array.from({ length: 20 }, (_, index) => `u.${index}`)
    await Promise.all(names.map((name) => alice.put(path(alice, room, name), {})))
    const { tags } = (await alice.get(path(alice, room))) as { tags: object }
    expect(Object.keys(tags).sort()).toEqual(names.sort())
  })

  it('[SEC-33] of others are out of reach, and unknown rooms have none', async () => {
    const room = await alice.createRoom()
    expect(await refusal(bob, 'GET', path(alice, room))).toEqual([403, 'M_FORBIDDEN'])
    expect(await refusal(bob, 'PUT', path(alice, room, 'x'), {})).toEqual([403, 'M_FORBIDDEN'])
    expect(await refusal(bob, 'DELETE', path(alice, room, 'x'))).toEqual([403, 'M_FORBIDDEN'])
    for (const [method, tag] of [['GET'], ['PUT', 'x'], ['DELETE', 'x']] as const) {
      const body = method === 'PUT' ? {} : undefined
      expect(await refusal(alice, method, path(alice, '!unknown:hearth.test', tag), body)).toEqual([404, 'M_NOT_FOUND'])
    }
  })

  it('[SEC-34] are limited in number and length, and their order is from 0 to 1', async () => {
    const room = await alice.createRoom()
    expect(await refusal(alice, 'PUT', path(alice, room, 'x'.repeat(256)), {})).toEqual([400, 'M_INVALID_PARAM'])
    for (const order of [-0.1, 1.1, '0.5', null, [], 1e300]) {
      expect(await refusal(alice, 'PUT', path(alice, room, 'x'), { order })).toEqual([400, 'M_BAD_JSON'])
    }
    for (let i = 0; i < 100; i++) await alice.put(path(alice, room, `u.${i}`), { order: i / 100 })
    expect(await refusal(alice, 'PUT', path(alice, room, 'u.100'), {})).toEqual([403, 'M_USER_LIMIT_EXCEEDED'])
    await alice.put(path(alice, room, 'u.99'), { order: 0 })
  })

  it('may have been set as account data, in whatever form', async () => {
    const room = await alice.createRoom()
    const set = (content: unknown) =>
      alice.put(
        `user/${encodeURIComponent(alice.userId)}/rooms/${encodeURIComponent(room)}/account_data/m.tag`,
        content,
      )
    for (const content of [{}, { tags: null }, { tags: ['x'] }, { tags: { x: 5 } }]) {
      await set(content)
      expect(await alice.get(path(alice, room))).toEqual({ tags: {} })
    }
    await set({ tags: { x: {}, y: 5 } })
    await alice.put(path(alice, room, 'z'), {})
    expect(await alice.get(path(alice, room))).toEqual({ tags: { x: {}, z: {} } })
  })
})
