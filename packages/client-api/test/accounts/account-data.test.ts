import { TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('account data', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
  })

  afterAll(() => server.stop())

  const path = (client: TestClient, type: string, roomId?: string): string => {
    const room = roomId === undefined ? '' : `/rooms/${encodeURIComponent(roomId)}`
    return `user/${encodeURIComponent(client.userId)}${room}/account_data/${encodeURIComponent(type)}`
  }

  it('is what was put last', async () => {
    const missing = await alice.request('GET', path(alice, 'org.example'))
    expect([missing.status, missing.body['errcode']]).toEqual([404, 'M_NOT_FOUND'])
    expect(await alice.put(path(alice, 'org.example'), { n: 1 })).toEqual({})
    await alice.put(path(alice, 'org.example'), { n: 2 })
    expect(await alice.get(path(alice, 'org.example'))).toEqual({ n: 2 })
  })

  it('may hold any JSON object, and comes back as it was', async () => {
    const text = '{"10":1,"9":[1.5,{"a":null}],"é":"\\u0001","constructor":{"x":1},"__proto__":{"y":2}}'
    await alice.put(path(alice, 'org.example.any'), text)
    const { text: answer } = await alice.request('GET', path(alice, 'org.example.any'))
    expect(JSON.stringify(JSON.parse(answer))).toBe(JSON.stringify(JSON.parse(text)))
    expect(answer).toContain('__proto__')
  })

  it('types may have slashes and other signs', async () => {
    await alice.put(path(alice, 'a/b %?#ü'), { odd: true })
    expect(await alice.get(path(alice, 'a/b %?#ü'))).toEqual({ odd: true })
  })

  it.each(['[]', '"x"', 'null', '5'])('refuses %s as content', async (body) => {
    const answer = await alice.request('PUT', path(alice, 'org.example'), { body })
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_BAD_JSON'])
  })

  it('of a room is apart from that of the account and of other rooms', async () => {
    const [one, two] = [await alice.createRoom(), await alice.createRoom()]
    await alice.put(path(alice, 'org.example.room'), { where: 'account' })
    await alice.put(path(alice, 'org.example.room', one), { where: 'one' })
    expect(await alice.get(path(alice, 'org.example.room', one))).toEqual({ where: 'one' })
    expect(await alice.get(path(alice, 'org.example.room'))).toEqual({ where: 'account' })
    expect((await alice.request('GET', path(alice, 'org.example.room', two))).status).toBe(404)
    expect((await bob.request('GET', path(bob, 'org.example.room', one))).status).toBe(404)
  })

  it('of an unknown room or of none is refused', async () => {
    const unknown = await alice.request('PUT', path(alice, 'x', '!unknown:hearth.test'), { body: {} })
    expect([unknown.status, unknown.body['errcode']]).toEqual([404, 'M_NOT_FOUND'])
    const none = await alice.request('PUT', path(alice, 'x', '@notaroom:hearth.test'), { body: {} })
    expect([none.status, none.body['errcode']]).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('[SEC-33] of another user is forbidden, whether or not there is such a user', async () => {
    const room = await alice.createRoom()
    for (const target of [alice.userId, '@nobody:hearth.test', '@alice:elsewhere.test']) {
      for (const suffix of ['account_data/x', `rooms/${encodeURIComponent(room)}/account_data/x`]) {
        for (const method of ['GET', 'PUT']) {
          const answer = await bob.request(method, `user/${encodeURIComponent(target)}/${suffix}`, {
            ...(method === 'PUT' && { body: {} }),
          })
          expect([answer.status, answer.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
        }
      }
    }
  })

  it('[SEC-33] types that belong to the server are 405', async () => {
    const room = await alice.createRoom()
    for (const type of ['m.push_rules', 'm.fully_read']) {
      for (const roomId of [undefined, room]) {
        const answer = await alice.request('PUT', path(alice, type, roomId), { body: {} })
        expect([answer.status, answer.body['errcode']]).toEqual([405, 'M_BAD_JSON'])
      }
    }
  })

  it('[SEC-34] has bounds: per entry, per type, and in all', async () => {
    const large = await alice.request('PUT', path(alice, 'large'), { body: { x: 'x'.repeat(257 * 1024) } })
    expect([large.status, large.body['errcode']]).toEqual([413, 'M_TOO_LARGE'])
    const long = await alice.request('PUT', path(alice, 'x'.repeat(256)), { body: {} })
    expect([long.status, long.body['errcode']]).toEqual([400, 'M_INVALID_PARAM'])
    const carol = await server.register('carol')
    let refused
    for (let i = 0; i < 80 && refused === undefined; i++) {
      const answer = await carol.request('PUT', path(carol, `fill.${i}`), { body: { x: 'x'.repeat(250 * 1024) } })
      if (answer.status !== 200) refused = answer
    }
    expect([refused?.status, refused?.body['errcode']]).toEqual([403, 'M_USER_LIMIT_EXCEEDED'])
    await carol.put(path(carol, 'fill.0'), {})
    await carol.put(path(carol, 'small'), {})
  })

  it('is all of it in the snapshots of 2014', async () => {
    const fay = await server.register('fay')
    const room = await fay.createRoom()
    await fay.put(path(fay, 'my.test.type'), { cats_or_rats: 'cats' })
    await fay.put(path(fay, 'my.test.type', room), { cats_or_rats: 'rats' })
    const whole = await fay.get('/_matrix/client/api/v1/initialSync')
    expect(whole['account_data']).toEqual([{ type: 'my.test.type', content: { cats_or_rats: 'cats' } }])
    const ofRoom = [{ type: 'my.test.type', content: { cats_or_rats: 'rats' } }]
    expect((whole['rooms'] as { account_data: unknown }[])[0]!.account_data).toEqual(ofRoom)
    const one = await fay.get(`/_matrix/client/api/v1/rooms/${encodeURIComponent(room)}/initialSync`)
    expect(one['account_data']).toEqual(ofRoom)
  })

  it('that is deleted is not found, and devices that know of it hear of that', async () => {
    const erin = await server.register('erin')
    const room = await erin.createRoom()
    for (const roomId of [undefined, room]) {
      const target = `/_matrix/client/unstable/org.matrix.msc3391/${path(erin, 'org.example.gone', roomId)}`
      await erin.put(path(erin, 'org.example.gone', roomId), { n: 1 })
      const { next_batch: since } = await erin.sync()
      expect(await erin.expect('DELETE', target)).toEqual({})
      const missing = await erin.request('GET', path(erin, 'org.example.gone', roomId))
      expect([missing.status, missing.body['errcode']]).toEqual([404, 'M_NOT_FOUND'])
      const eventsOf = ({ account_data: global, rooms }: SyncAnswer) =>
        (roomId === undefined ? global : rooms?.join?.[roomId]?.account_data)?.events ?? []
      const news = await erin.sync({ since })
      expect(eventsOf(news)).toEqual([{ type: 'org.example.gone', content: {} }])
      expect(eventsOf(await erin.sync()).map(({ type }) => type)).not.toContain('org.example.gone')
      // Once more changes nothing.
      await erin.expect('DELETE', target)
      expect(await erin.sync({ since: news.next_batch })).toEqual({ next_batch: news.next_batch })
      await erin.put(path(erin, 'org.example.gone', roomId), { n: 2 })
      expect(eventsOf(await erin.sync({ since }))).toEqual([{ type: 'org.example.gone', content: { n: 2 } }])
      const others = await bob.request('DELETE', target)
      expect([others.status, others.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    }
    const owned = `/_matrix/client/unstable/org.matrix.msc3391/${path(erin, 'm.push_rules')}`
    expect((await erin.request('DELETE', owned)).status).toBe(405)
  })

  it('comes down sync, each change once', async () => {
    const dora = await server.register('dora')
    const room = await dora.createRoom()
    await dora.put(path(dora, 'org.example.first'), { n: 1 })
    const initial = await dora.get('sync')
    const eventsOf = (answer: unknown): unknown => (answer as { account_data: { events: unknown } }).account_data.events
    expect(eventsOf(initial)).toContainEqual({ type: 'org.example.first', content: { n: 1 } })

    await dora.put(path(dora, 'org.example.second'), { n: 2 })
    await dora.put(path(dora, 'org.example.second', room), { n: 3 })
    const next = await dora.get('sync', { since: initial['next_batch'] as string })
    expect(eventsOf(next)).toEqual([{ type: 'org.example.second', content: { n: 2 } }])
    const joined = (next as unknown as { rooms: { join: Record<string, unknown> } }).rooms.join[room]
    expect(eventsOf(joined)).toEqual([{ type: 'org.example.second', content: { n: 3 } }])

    const waiting = dora.get('sync', { since: next['next_batch'] as string, timeout: 10_000 })
    await dora.put(path(dora, 'org.example.first'), { n: 4 })
    expect(eventsOf(await waiting)).toEqual([{ type: 'org.example.first', content: { n: 4 } }])
  })
})
