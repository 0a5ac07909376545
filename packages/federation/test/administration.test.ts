import { FakeNetwork, FakePeer, TestCa, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { administrationEndpoints } from '../src/index.ts'
import { setRemoteMembers } from './remote-member.ts'

const destinations = '/_synapse/admin/v1/federation/destinations'
const sendPath = /^\/_matrix\/federation\/v1\/send\//

describe('the administration of federation', () => {
  let ca: TestCa
  let network: FakeNetwork
  let server: TestServer
  let root: TestClient
  let rooms: readonly string[]
  let good: FakePeer
  let bad: FakePeer

  const ask = (path: string, query: Record<string, string | number> = {}) => root.request('GET', path, { query })
  const reset = (name: string) => root.request('POST', `${destinations}/${name}/reset_connection`)
  const soon = (look: () => unknown) => expect.poll(look, { timeout: 30_000, interval: 50 })
  const bodiesOf = (peer: FakePeer): unknown[] =>
    peer
      .requestsTo(sendPath)
      .flatMap(({ body }) => (body['pdus'] as { content: object }[]).map(({ content }) => content))

  beforeAll(async () => {
    ca = await TestCa.create()
    network = new FakeNetwork()
    server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
    root = await server.register('root')
    const rootNid = (await server.store.users.find(root.userId as never))!
    await server.store.accounts.setAdmin(rootNid, true)
    good = await FakePeer.start({ ca, network, name: 'good.test' })
    bad = await FakePeer.start({ ca, network, name: 'bad.test' })
    rooms = [await root.createRoom(), await root.createRoom()]
    for (const id of rooms) await setRemoteMembers(server.store, id, [`@x:${good.name}`, `@x:${bad.name}`])
  })
  afterAll(async () => {
    await server.stop()
    for (const peer of [good, bad]) await peer[Symbol.asyncDispose]()
    await ca[Symbol.asyncDispose]()
  })

  it('[SEC-213] is for administrators only', async () => {
    const other = await server.register('other')
    for (const [operation, { method, path }] of Object.entries(administrationEndpoints)) {
      const target = [path].flat()[0]!.replaceAll(/:\w+/g, 'good.test')
      expect((await server.anonymous.request(method, target)).body, operation).toMatchObject({
        errcode: 'M_MISSING_TOKEN',
      })
      expect((await other.request(method, target)).body, operation).toMatchObject({ errcode: 'M_FORBIDDEN' })
    }
  })

  it('shows which servers fail, since when, and for how long each is left alone', async () => {
    bad.on('PUT', sendPath, () => [502, {}])
    const before = Date.now()
    await root.sendText(rooms[0]!, 'hello')
    await soon(() => bodiesOf(good).length).toBe(1)
    await soon(async () => (await ask(`${destinations}/bad.test`)).body['failure_ts']).toBeTypeOf('number')
    const { body } = await ask(`${destinations}/bad.test`)
    expect(body).toEqual({
      destination: 'bad.test',
      retry_last_ts: expect.any(Number) as number,
      retry_interval: expect.any(Number) as number,
      failure_ts: expect.any(Number) as number,
      last_successful_stream_ordering: expect.any(Number) as number,
    })
    expect(body['failure_ts']).toBeGreaterThanOrEqual(before)
    expect(body['retry_last_ts']).toBeGreaterThanOrEqual(body['failure_ts'] as number)
    expect(body['retry_interval']).toBeGreaterThan(0)
    await soon(async () => (await ask(`${destinations}/good.test`)).body).toMatchObject({
      destination: 'good.test',
      retry_last_ts: 0,
      retry_interval: 0,
      failure_ts: null,
      last_successful_stream_ordering: expect.any(Number) as number,
    })
    expect((await ask(`${destinations}/unknown.test`)).body).toMatchObject({ errcode: 'M_NOT_FOUND' })
  })

  it('lists servers in pages, in the order that is asked for, and by a part of their names', async () => {
    const names = async (query: Record<string, string | number>) => {
      const { body } = await ask(destinations, query)
      return {
        ...body,
        destinations: (body['destinations'] as { destination: string }[]).map(({ destination }) => destination),
      }
    }
    expect(await names({})).toEqual({ destinations: ['bad.test', 'good.test'], total: 2 })
    expect(await names({ dir: 'b' })).toEqual({ destinations: ['good.test', 'bad.test'], total: 2 })
    expect(await names({ limit: 1 })).toEqual({ destinations: ['bad.test'], total: 2, next_token: '1' })
    expect(await names({ limit: 1, from: 1 })).toEqual({ destinations: ['good.test'], total: 2 })
    expect(await names({ from: 5 })).toEqual({ destinations: [], total: 2 })
    expect(await names({ destination: 'oo' })).toEqual({ destinations: ['good.test'], total: 1 })
    for (const order of ['retry_last_ts', 'retry_interval', 'failure_ts']) {
      expect((await names({ order_by: order, dir: 'b' })).destinations[0]).toBe('bad.test')
    }
    expect((await names({ order_by: 'last_successful_stream_ordering', dir: 'b' })).destinations[0]).toBe('good.test')
    for (const query of [{ order_by: 'x' }, { from: -1 }, { limit: 0 }, { dir: 'x' }] as Record<string, string>[]) {
      expect((await ask(destinations, query)).status).toBe(400)
    }
  })

  it('lists the rooms that a server is in', async () => {
    const { body } = await ask(`${destinations}/good.test/rooms`)
    const sorted = [...rooms].sort()
    expect(body['total']).toBe(2)
    expect((body['rooms'] as { room_id: string }[]).map(({ room_id: id }) => id)).toEqual(sorted)
    const page = (await ask(`${destinations}/good.test/rooms`, { limit: 1, dir: 'b' })).body
    expect(page).toMatchObject({ rooms: [{ room_id: sorted[1] }], total: 2, next_token: '1' })
    expect((await ask(`${destinations}/unknown.test/rooms`)).status).toBe(404)
  })

  it('ends that a server is left alone', async () => {
    await server.store.database.execute(
      null,
      `update fed_dest set failures = 15, retry_ts = ${Date.now() + 80_000_000} where failures > 0`,
    )
    await server.restart()
    await root.sendText(rooms[0]!, 'for later')
    const before = bad.requestsTo(sendPath).length
    bad.on('PUT', sendPath, () => ({ pdus: {} }))
    await soon(() => bodiesOf(good).length).toBe(2)
    expect(bad.requestsTo(sendPath)).toHaveLength(before)
    expect(await reset('bad.test')).toMatchObject({ status: 200, body: {} })
    await soon(() => bodiesOf(bad).slice(-2)).toMatchObject([{ body: 'hello' }, { body: 'for later' }])
    await soon(async () => (await ask(`${destinations}/bad.test`)).body['failure_ts']).toBe(null)
    expect(await reset('bad.test')).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN' } })
    expect(await reset('unknown.test')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })
})
