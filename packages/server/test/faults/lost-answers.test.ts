import { generateSigningKey, sha256 } from '@hearth/crypto'
import { Jobs, JoiningRooms, type Requester, ThisProcess } from '@hearth/core'
import { FederationClient, IdentityServers, WebClient } from '@hearth/federation-client'
import type { RoomId, ServerName } from '@hearth/protocol'
import { LocalBus, LocalJobQueue } from '@hearth/queues'
import { createLogger, Lifecycle, Metrics, SystemClock } from '@hearth/runtime'
import { CommitUnknown, Store } from '@hearth/store'
import {
  createTestDatabase,
  DatabaseProxy,
  FakeNetwork,
  TestServer,
  type TestClient,
  type TestDatabase,
} from '@hearth/test-kit'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildRooms } from '../../src/compose/build-rooms.ts'

let database: TestDatabase
let proxy: DatabaseProxy
let server: TestServer
let alice: TestClient
let bob: TestClient
let roomId: string

beforeAll(async () => {
  database = await createTestDatabase()
  proxy = await DatabaseProxy.listen(database.url)
  server = await TestServer.start({ database: { ...database, url: proxy.url } })
  alice = await server.register('alice')
  bob = await server.register('bob')
  roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
})

afterAll(async () => {
  await server.stop()
  await proxy.close()
  await database.drop()
})

const room = (): string => `rooms/${encodeURIComponent(roomId)}`

async function bodiesOf(client: TestClient): Promise<unknown[]> {
  const { chunk } = (await client.get(`${room()}/messages`, { dir: 'b', limit: 100 })) as {
    chunk: { content: { body?: string } }[]
  }
  return chunk.map(({ content }) => content.body).filter((body) => body !== undefined)
}

describe('a request whose commit is cut off', () => {
  it.each(['answer', 'request'] as const)(
    '[F-1] is refused and succeeds once when repeated (lost %s)',
    async (lost) => {
      const text = `lost ${lost}`
      const { next_batch: since } = await bob.sync({ timeout: 0 })
      const done = lost === 'answer' ? proxy.loseAnswer('hearth_commit') : proxy.loseRequest('hearth_commit')
      const path = `${room()}/send/m.room.message/${lost}`
      const body = { msgtype: 'm.text', body: text }
      const refusal = await alice.request('PUT', path, { body })
      await done
      expect(refusal.status).toBe(503)
      expect(refusal.headers.get('retry-after')).toMatch(/^\d+$/)
      const eventId = (await alice.put(path, body))['event_id']
      expect((await alice.put(path, body))['event_id']).toBe(eventId)
      expect((await bodiesOf(alice)).filter((each) => each === text)).toHaveLength(1)
      const news = await bob.sync({ since, timeout: 5_000 })
      expect(news.rooms?.join?.[roomId]?.timeline.events.map(({ event_id: id }) => id)).toEqual([eventId])
    },
  )

  it('[F-1] has sent when repeated, though the sender may no longer send', async () => {
    const erin = await server.register('erin')
    await erin.join(roomId)
    void proxy.loseAnswer('hearth_commit')
    const [path, body] = [`${room()}/send/m.room.message/last`, { msgtype: 'm.text', body: 'last words' }]
    expect((await erin.request('PUT', path, { body })).status).toBe(503)
    await alice.post(`${room()}/kick`, { user_id: erin.userId })
    const { chunk } = await alice.get(`${room()}/messages`, { dir: 'b', limit: 2 })
    const [, message] = chunk as { event_id: string }[]
    expect(await erin.put(path, body)).toEqual({ event_id: message!.event_id })
    expect((await erin.request('PUT', `${path}-but-one`, { body })).status).toBe(403)
  })

  it('[F-1] has set state once when repeated', async () => {
    const path = `${room()}/state/m.room.topic/`
    void proxy.loseAnswer('hearth_commit')
    expect((await alice.request('PUT', path, { body: { topic: 'Tea' } })).status).toBe(503)
    const first = (await alice.put(path, { topic: 'Tea' }))['event_id']
    expect((await alice.put(path, { topic: 'Tea' }))['event_id']).toBe(first)
    const events = await server.store.database.query<{ n: number }>(
      null,
      `select count(*) as n from events where json like '%"topic":"Tea"%'`,
    )
    expect(events).toEqual([{ n: 1 }])
  })

  it('[F-1] has redacted when repeated, for everybody', async () => {
    const eventId = await alice.sendText(roomId, 'a secret')
    await bob.get(`${room()}/event/${encodeURIComponent(eventId)}`)
    void proxy.loseAnswer('hearth_commit')
    const path = `${room()}/redact/${encodeURIComponent(eventId)}/once`
    expect((await alice.request('PUT', path, { body: {} })).status).toBe(503)
    await alice.put(path)
    expect((await bob.get(`${room()}/event/${encodeURIComponent(eventId)}`))['content']).toEqual({})
    expect(await bodiesOf(bob)).not.toContain('a secret')
  })

  it('[F-1] has set account data, and its devices hear of it', async () => {
    const { next_batch: since } = await alice.sync({ timeout: 0 })
    void proxy.loseAnswer('accountData.set')
    const path = `user/${alice.userId}/account_data/org.example.lost`
    expect((await alice.request('PUT', path, { body: { n: 1 } })).status).toBe(503)
    const news = await alice.sync({ since, timeout: 5_000 })
    expect(news.account_data?.events).toEqual([{ type: 'org.example.lost', content: { n: 1 } }])
  })

  it('[F-1] has joined when repeated', async () => {
    const carol = await server.register('carol')
    void proxy.loseAnswer('hearth_commit')
    const path = `${room()}/join`
    expect((await carol.request('POST', path, { body: {} })).status).toBe(503)
    expect((await carol.request('POST', path, { body: {} })).status).toBe(200)
    const { rooms } = await carol.sync({ timeout: 0 })
    expect(Object.keys(rooms?.join ?? {})).toEqual([roomId])
  })
})

describe('a session', () => {
  it('[F-1] is over when it was ended in the database, whatever the answer came to', async () => {
    const dave = await server.register('dave')
    await dave.get('account/whoami')
    void proxy.loseAnswer('devices.delete')
    expect((await dave.request('POST', 'logout', { body: {} })).status).toBe(503)
    expect((await dave.request('GET', 'account/whoami')).status).toBe(401)
  })
})

type Room = Awaited<ReturnType<ReturnType<typeof buildRooms>['rooms']['get']>>

describe('a process that writes alone', () => {
  let store: Store
  let services: ReturnType<typeof buildRooms>
  let requester: Requester

  beforeAll(async () => {
    const logger = createLogger({ level: 'error' })
    const clock = new SystemClock()
    store = await Store.open({ url: proxy.url, migrate: false, logger })
    const serverName = 'hearth.test' as ServerName
    const signingKey = generateSigningKey('test')
    const common = { clock, logger, metrics: new Metrics() }
    const bus = new LocalBus({ clock, logger })
    const process = new ThisProcess({ store, bus, roles: ['all'], alone: false, clock, logger })
    const network = new FakeNetwork()
    services = buildRooms({
      store,
      joiningRooms: new JoiningRooms({ store }),
      serverName,
      signingKey,
      federationClient: new FederationClient({
        serverName,
        signingKey: () => signingKey,
        network,
        allowPrivateAddresses: false,
        mayTalkTo: () => true,
        ...common,
      }),
      identityServers: new IdentityServers({
        webClient: new WebClient({ network, allowPrivateAddresses: false, clock }),
      }),
      keyRing: { find: () => Promise.resolve(new Map()) },
      lifecycle: new Lifecycle(common),
      defaultRoomVersion: '12',
      directory: 'everyone',
      // Nobody runs them.
      jobs: new Jobs({ store, clock, logger, process, queue: new LocalJobQueue() }),
      bus,
      process,
      fillsGaps: false,
      pollMs: 0,
      ...common,
    })
    await services.feed.start()
    requester = (await store.accessTokens.find(sha256(alice.accessToken)))!
  })

  afterAll(async () => {
    services.feed.stop()
    await store.close()
  })

  const findRoom = () => services.rooms.get(roomId as RoomId)
  const sendText = (room: Room, body: string) => {
    const message = { type: 'm.room.message', content: { msgtype: 'm.text', body } }
    return services.eventActions.sendMessage({ requester, room, ...message })
  }

  it('[F-1] hears of a commit whose answer was lost, though nobody repeats it', async () => {
    void proxy.loseAnswer('hearth_commit')
    await expect(sendText(await findRoom(), 'unheard')).rejects.toThrow(CommitUnknown)
    const head = await store.streams.position()
    await services.feed.reached(head, 5_000)
    expect(services.feed.position).toBe(head)
  })

  it('[F-1] acknowledges nothing before it is committed, nor what asks for the same', async () => {
    const room = await findRoom()
    const setTopic = () => {
      const state = { type: 'm.room.topic', stateKey: '', content: { topic: 'Coffee' } }
      return services.eventActions.sendState({ requester, room, ...state })
    }
    // While the first is being committed the others gather for the next commit.
    const lost = proxy.loseRequest('"topic":"Coffee"')
    const outcomes = await Promise.allSettled([sendText(room, 'first'), setTopic(), setTopic()])
    await lost
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])

    const [one, other] = await Promise.all([setTopic(), setTopic()])
    expect(other.eventId).toBe(one.eventId)
  })
})

describe('while the database is away', () => {
  it('[F-7] requests get 503, those who wait go on waiting, and all is well when it is back', async () => {
    // The server knows everything that was written until now.
    await alice.sendText(roomId, 'before')
    const { next_batch: since } = await bob.sync({ timeout: 0 })
    const waiting = bob.sync({ since, timeout: 60_000 })
    const strange = { headers: { authorization: `Bearer hearth_${'A'.repeat(43)}` } }
    const body = { msgtype: 'm.text', body: 'in between' }
    proxy.refuse()
    const [sending, asking, health] = await Promise.all([
      alice.request('PUT', `${room()}/send/m.room.message/away`, { body }),
      // Neither let in nor told that the token is wrong, upon which clients log out.
      server.anonymous.request('GET', 'account/whoami', strange),
      sleep(200).then(() => server.anonymous.request('GET', '/health')),
    ])
    expect([sending.status, asking.status, health.status]).toEqual([503, 503, 503])
    expect(sending.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(health.body).toMatchObject({ status: 'unavailable' })

    proxy.resume()
    const eventId = (await alice.put(`${room()}/send/m.room.message/away`, body))['event_id']
    expect((await waiting).rooms?.join?.[roomId]?.timeline.events.map(({ event_id: id }) => id)).toEqual([eventId])
    expect((await server.anonymous.request('GET', '/health')).status).toBe(200)
    expect((await server.anonymous.request('GET', 'account/whoami', strange)).status).toBe(401)
  })
})
