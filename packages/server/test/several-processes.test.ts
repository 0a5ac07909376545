import { Balancer, RedisServer, TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

let redis: RedisServer
let first: TestServer
let second: TestServer
/** Runs what goes on in the background, and nothing for clients. */
let background: TestServer
let balancer: Balancer
let alice: TestClient
let bob: TestClient
let roomId: string

beforeAll(async () => {
  redis = await RedisServer.start()
  const settings = { HEARTH_REDIS_URL: redis.url, HEARTH_ROLES: 'client,federation-in' }
  first = await TestServer.start({ settings })
  second = await TestServer.start({ beside: first })
  background = await TestServer.start({ beside: first, settings: { HEARTH_ROLES: 'jobs,federation-out' } })
  balancer = await Balancer.start(() => [first.url, second.url])
  alice = await first.register('alice')
  bob = await second.register('bob')
  roomId = await alice.createRoom({ preset: 'public_chat', invite: [bob.userId] })
  await bob.join(roomId)
})

afterAll(async () => {
  await balancer.stop()
  for (const server of [background, second, first]) await server.stop()
  await redis.stop()
})

const parked = { timeout: 30_000 }
const textsOf = (answer: SyncAnswer, room = roomId) =>
  (answer.rooms?.join?.[room]?.timeline.events ?? []).flatMap(({ content }) => (content['body'] as string) ?? [])
const ephemeralOf = (answer: SyncAnswer, type: string) =>
  (answer.rooms?.join?.[roomId]?.ephemeral?.events ?? []).filter((event) => event.type === type)
const typingPath = (user: TestClient) => `rooms/${encodeURIComponent(roomId)}/typing/${encodeURIComponent(user.userId)}`

/** Syncs from a token on, at one process after the other, until an answer has what is looked for. */
async function follow<T>(
  client: TestClient,
  since: string,
  urls: readonly string[],
  found: (answer: SyncAnswer) => T | undefined,
): Promise<{ readonly value: T; readonly since: string; readonly answers: number }> {
  for (let answers = 1; answers < 500; answers += 1) {
    const answer = await client.at(urls[answers % urls.length]!).sync({ since, ...parked })
    since = answer.next_batch
    const value = found(answer)
    if (value !== undefined) return { value, since, answers }
  }
  throw new Error('it did not come')
}

describe('several processes of one server', () => {
  it('tell one another of commits, so that a sync on one is woken by what is sent on another', async () => {
    const told = await second.figure('hearth_stream_looks_total', 'cause="word"')
    let { next_batch: since } = await bob.at(second.url).sync({ filter: '{"presence":{"types":[]}}' })
    for (let n = 0; n < 20; n += 1) {
      const answer = follow(bob, since, [second.url], (news) => (textsOf(news).length > 0 ? textsOf(news) : undefined))
      await vi.waitFor(async () => expect(await second.figure('hearth_sync_waiters')).toBeGreaterThan(0), 30_000)
      await alice.at(first.url).sendText(roomId, `message ${n}`)
      const { value, since: next } = await answer
      expect(value).toEqual([`message ${n}`])
      since = next
    }
    // Looking each second would have found a few of them.
    expect((await second.figure('hearth_stream_looks_total', 'cause="word"')) - told).toBeGreaterThan(14)
  })

  it('answer any request of a client that goes from one to another with each', async () => {
    const [carol, dave] = [await roaming('carol'), await roaming('dave')]
    for (let n = 0; n < 10; n += 1) {
      const room = await carol.createRoom({ name: `room ${n}` })
      await carol.invite(room, dave.userId)
      await dave.join(room)
      await dave.sendText(room, 'here')
      await carol.setState(room, 'm.room.topic', { topic: 'talk' })
      expect(await dave.get(`rooms/${encodeURIComponent(room)}/state/m.room.topic/`)).toEqual({ topic: 'talk' })
      const { chunk } = (await dave.get(`rooms/${encodeURIComponent(room)}/messages`, { dir: 'b', limit: 2 })) as {
        chunk: { type: string }[]
      }
      expect(chunk.map(({ type }) => type)).toEqual(['m.room.topic', 'm.room.message'])
      await dave.leave(room)
      const refused = await dave.request('PUT', `rooms/${encodeURIComponent(room)}/send/m.room.message/x${n}`, {
        body: { msgtype: 'm.text', body: 'still here' },
      })
      expect(refused.status).toBe(403)
    }
  })

  it('know one another’s transactions', async () => {
    const ids = [
      await alice.at(first.url).send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'once' }, 'repeated'),
      await alice.at(second.url).send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'once' }, 'repeated'),
    ]
    expect(ids[1]).toBe(ids[0])
  })

  it('tell a sync that began on one of typing on the other, once, and of its end', async () => {
    const urls = [first.url, second.url]
    const { next_batch } = await bob.at(first.url).sync()
    await alice.at(second.url).put(typingPath(alice), { typing: true, timeout: 60_000 })
    const usersIn = (answer: SyncAnswer) => ephemeralOf(answer, 'm.typing')[0]?.content['user_ids']
    const begun = await follow(bob, next_batch, urls, usersIn)
    expect(begun.value).toEqual([alice.userId])
    // Nothing is told again by the process that had not told it.
    for (const url of urls) {
      const again = await bob.at(url).sync({ since: begun.since })
      expect(ephemeralOf(again, 'm.typing')).toEqual([])
    }
    await alice.at(first.url).put(typingPath(alice), { typing: false })
    const ended = await follow(bob, begun.since, urls, usersIn)
    expect(ended.value).toEqual([])
  })

  it('see a user who follows on one of them from the other, and not gone while they go to and fro', async () => {
    const urls = [first.url, second.url]
    const { next_batch } = await bob.at(first.url).sync()
    const online = alice.at(second.url).sync({ set_presence: 'online' })
    const presenceOf = (answer: SyncAnswer) =>
      answer.presence?.events.find(({ sender }) => sender === alice.userId)?.content['presence']
    const come = await follow(bob, next_batch, urls, presenceOf)
    expect(come.value).toBe('online')
    let { next_batch: since } = await online
    for (let n = 0; n < 6; n += 1) {
      since = (await alice.at(urls[n % 2]!).sync({ since, set_presence: 'online' })).next_batch
    }
    await alice.at(first.url).put(`presence/${encodeURIComponent(alice.userId)}/status`, {
      presence: 'unavailable',
      status_msg: 'at lunch',
    })
    const gone = await follow(bob, come.since, urls, presenceOf)
    expect(gone.value).toBe('unavailable')
    for (const url of urls) {
      const status = await bob.at(url).get(`presence/${encodeURIComponent(alice.userId)}/status`)
      expect(status).toMatchObject({ presence: 'unavailable', status_msg: 'at lunch' })
    }
  })

  it('tell a sync of receipts that were sent to another', async () => {
    const eventId = await alice.at(first.url).sendText(roomId, 'read this')
    const { next_batch } = await alice.at(first.url).sync()
    await bob.at(second.url).post(`rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(eventId)}`)
    const read = await follow(
      alice,
      next_batch,
      [first.url, second.url],
      (answer) => ephemeralOf(answer, 'm.receipt')[0],
    )
    expect(read.value.content[eventId]).toHaveProperty(['m.read', bob.userId])
  })

  it('end the waiting requests of a session that ends on another, and know it no more', async () => {
    const device = await bob.at(first.url).logIn('bob', "bob's password")
    const elsewhere = device.at(second.url)
    // Nothing but the end of the session is to wake it.
    const filter = '{"presence":{"types":[]},"room":{"rooms":[]}}'
    const { next_batch: since } = await elsewhere.sync({ filter })
    const waiting = elsewhere.request('GET', 'sync', { query: { since, filter, timeout: 30_000 } })
    await vi.waitFor(async () => expect(await second.figure('hearth_sync_waiters')).toBeGreaterThan(0), 30_000)
    await device.post('logout')
    expect((await waiting).body['errcode']).toBe('M_UNKNOWN_TOKEN')
    await vi.waitFor(async () => expect((await elsewhere.request('GET', 'account/whoami')).status).toBe(401), 30_000)
  })

  it('share the work by their roles', async () => {
    expect((await background.anonymous.request('GET', '/_matrix/client/versions')).status).toBe(404)
    expect((await background.anonymous.request('GET', '/_matrix/key/v2/server')).status).toBe(404)
    expect((await first.anonymous.request('GET', '/_matrix/key/v2/server')).status).toBe(200)
    expect((await fetch(`${background.url}/health`)).status).toBe(200)
    const erin = await first.register('erin')
    await erin.join(roomId)
    const auth = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'erin' },
      password: "erin's password",
    }
    await erin.post('account/deactivate', { auth })
    // What is left to do is a job, which neither of the others runs.
    await vi.waitFor(
      async () => {
        const { joined } = (await alice.get(`rooms/${encodeURIComponent(roomId)}/joined_members`)) as {
          joined: Record<string, unknown>
        }
        expect(Object.keys(joined)).not.toContain(erin.userId)
      },
      { timeout: 60_000 },
    )
    expect(await background.figure('hearth_job_runs_total', 'outcome="done"')).toBeGreaterThan(0)
    expect(await first.figure('hearth_job_runs_total')).toBe(0)
  })

  it('deliver everything, in order and once, while Redis is emptied and killed', async () => {
    const { next_batch } = await bob.at(second.url).sync()
    const sent = Array.from({ length: 60 }, (_, n) => `under load ${n}`)
    const sending = (async () => {
      for (const [n, text] of sent.entries()) {
        await alice.at(n % 2 ? first.url : second.url).sendText(roomId, text)
        if (n === 10) await redis.flush()
        if (n === 20) await redis.kill()
        if (n === 40) await redis.launch()
      }
    })()
    const got: string[] = []
    await follow(bob, next_batch, [second.url, first.url], (answer) => {
      got.push(...textsOf(answer))
      return got.includes(sent.at(-1)!) ? true : undefined
    })
    await sending
    expect(got).toEqual(sent)
  })
})

async function roaming(name: string): Promise<TestClient> {
  return (await first.register(name)).at(balancer.url)
}
