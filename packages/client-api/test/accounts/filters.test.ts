import { statementsOf, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('filters', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
  })

  afterAll(() => server.stop())

  const path = (client: TestClient, filterId = ''): string =>
    `user/${encodeURIComponent(client.userId)}/filter${filterId && `/${encodeURIComponent(filterId)}`}`
  const define = async (client: TestClient, filter: unknown): Promise<string> =>
    (await client.post(path(client), filter))['filter_id'] as string

  it('come back as they were defined', async () => {
    const filter = {
      event_fields: ['type', 'content'],
      room: { timeline: { limit: 10, types: ['m.room.message'] }, state: { lazy_load_members: true } },
      'org.example.unknown': { kept: 1.5 },
    }
    const filterId = await define(alice, filter)
    expect(filterId).not.toMatch(/^\{/)
    expect(await alice.get(path(alice, filterId))).toEqual(filter)
  })

  it('that are the same are one, in any order of keys', async () => {
    const first = await define(alice, { event_format: 'client', room: { include_leave: true } })
    expect(await define(alice, { room: { include_leave: true }, event_format: 'client' })).toBe(first)
    expect(await define(alice, { event_format: 'client' })).not.toBe(first)
    expect(await define(bob, { event_format: 'client', room: { include_leave: true } })).not.toBe(first)
  })

  it('of others, and unknown ones, are not to be had', async () => {
    const filterId = await define(alice, {})
    const others = await bob.request('GET', path(alice, filterId))
    expect([others.status, others.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    expect((await bob.request('POST', path(alice), { body: {} })).status).toBe(403)
    for (const unknown of [filterId, '999999', '0', '-1', 'abc', '9'.repeat(30), '1e3', ' 1']) {
      const { status, body } = await bob.request('GET', path(bob, unknown))
      expect([status, body['errcode']]).toEqual([404, 'M_NOT_FOUND'])
    }
  })

  it.each(['[]', '"x"', '{"room":5}', '{"room":{"timeline":{"limit":"x"}}}', '{"event_format":"x"}'])(
    'refuses %s',
    async (body) => {
      const answer = await alice.request('POST', path(alice), { body })
      expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_BAD_JSON'])
    },
  )

  it('[SEC-34] have bounds in size and number', async () => {
    const types = Array.from({ length: 900 }, (_, i) => `${i}.${'x'.repeat(100)}`)
    const large = await alice.request('POST', path(alice), { body: { presence: { types } } })
    expect([large.status, large.body['errcode']]).toEqual([413, 'M_TOO_LARGE'])
    const carol = await server.register('carol')
    let refused
    for (let i = 0; i < 600 && refused === undefined; i++) {
      const answer = await carol.request('POST', path(carol), { body: { event_fields: [`f${i}`] } })
      if (answer.status !== 200) refused = answer
    }
    expect([refused?.status, refused?.body['errcode']]).toEqual([403, 'M_USER_LIMIT_EXCEEDED'])
    await define(carol, { event_fields: ['f0'] })
  })

  it('serve sync by id and inline; an unknown id is M_INVALID_PARAM', async () => {
    await alice.put(`user/${encodeURIComponent(alice.userId)}/account_data/wanted`, {})
    await alice.put(`user/${encodeURIComponent(alice.userId)}/account_data/unwanted`, {})
    const filter = { account_data: { types: ['wanted'] } }
    for (const parameter of [await define(alice, filter), JSON.stringify(filter)]) {
      const answer = await alice.get('sync', { filter: parameter })
      expect(answer['account_data']).toEqual({ events: [{ type: 'wanted', content: {} }] })
    }
    for (const parameter of ['424242', 'x', '{"room":5}', '{', '']) {
      expect((await alice.request('GET', 'sync', { query: { filter: parameter } })).status).toBe(400)
    }
  })

  it('that are in use cost sync no statement', async () => {
    const filter = await define(alice, { room: { timeline: { limit: 1 } } })
    const { next_batch: since } = (await alice.get('sync', { filter })) as { next_batch: string }
    const statements = await statementsOf(server, async () => {
      for (let i = 0; i < 10; i++) await alice.get('sync', { filter, since })
    })
    expect(statements).toEqual([])
  })
})
