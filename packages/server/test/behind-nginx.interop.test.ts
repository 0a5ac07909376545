import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '@hearth/protocol'
import { createLogger } from '@hearth/runtime'
import { Store } from '@hearth/store'
import {
  checkDatabase,
  eventually,
  PeerServers,
  untilTheyAgree,
  type HearthBehindNginx,
  type HearthPeer,
  type TestClient,
} from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Talker } from './talker.ts'

// Three processes behind nginx that knows nothing of them, and another deployment that knows nothing of any of this.

const stack = new AsyncDisposableStack()
let community: HearthBehindNginx
let elsewhere: HearthPeer
let store: Store

beforeAll(async () => {
  const servers = stack.use(await PeerServers.create())
  stack.use(servers.ca.trust())
  community = await servers.hearthBehindNginx(3)
  elsewhere = await servers.hearth()
  const { databaseUrl } = community.processes[0]!
  store = await Store.open({ url: databaseUrl, migrate: false, logger: createLogger({ level: 'error' }) })
  stack.defer(() => store.close())
})

afterAll(() => stack.disposeAsync())

const pathOf = (roomId: string) => `rooms/${encodeURIComponent(roomId)}`
const within = { timeout: 30_000 }

/** Which process of the community sends to other servers, by the name that it has in the database. */
async function senderOf(): Promise<string | undefined> {
  const rows = await store.database.query<{ holder: string }>(
    null,
    "select holder::text as holder from leases where name = 'federation-sender'",
  )
  return rows[0]?.holder
}

async function countProcesses(): Promise<number> {
  const [row] = await store.database.query<{ count: number }>(null, 'select count(*)::integer as count from processes')
  return row!.count
}

/** The processes that requests for a path have come to. */
async function servedBy(path: string): Promise<Set<string>> {
  const lines = (await community.nginx.accessLog()).split('\n').filter((line) => line.includes(path))
  return new Set(lines.flatMap((line) => /"upstream":"([^",]+)/.exec(line)?.[1] ?? []))
}

async function join(client: TestClient, roomId: string, via: { readonly serverName: string }): Promise<void> {
  await client.expect('POST', `join/${encodeURIComponent(roomId)}`, { body: {}, query: { via: via.serverName } })
}

const question = 'are you there?'

/** Asks from token to token, each of which any process may get, until the question has come. */
async function untilTold(from: string, key: string, ask: (from: string) => Promise<JsonObject>): Promise<void> {
  for (let answers = 0; answers < 100; answers += 1) {
    const answer = await ask(from)
    if (JSON.stringify(answer).includes(question)) return
    from = answer[key] as string
  }
  throw new Error('the question did not come')
}

describe('three processes behind nginx', () => {
  it('serve the main job, whichever of them a request comes to', async () => {
    const [alice, bob] = [await community.register('alice'), await community.register('bob')]
    const roomId = await alice.createRoom({ name: 'lounge' })
    await alice.invite(roomId, bob.userId)
    await bob.join(roomId)
    for (let n = 0; n < 12; n += 1) {
      const sender = n % 2 ? alice : bob
      const eventId = await sender.sendText(roomId, `message ${n}`)
      const other = n % 2 ? bob : alice
      expect((await other.get(`${pathOf(roomId)}/event/${encodeURIComponent(eventId)}`))['event_id']).toBe(eventId)
    }
    await bob.request('PUT', `${pathOf(roomId)}/state/m.room.topic/`, { body: { topic: 'not for bob' } })
    await alice.setState(roomId, 'm.room.topic', { topic: 'talk' })
    expect(await bob.get(`${pathOf(roomId)}/state/m.room.topic/`)).toEqual({ topic: 'talk' })
    expect((await bob.sync()).rooms?.join?.[roomId]?.timeline.events.at(-1)?.content).toEqual({ topic: 'talk' })

    const v1 = '/_matrix/client/api/v1'
    const access_token = bob.accessToken
    const initial = await community.anonymous.get(`${v1}/initialSync`, { access_token, limit: 5 })
    const { next_batch } = await bob.sync()
    const following = [
      untilTold(initial['end'] as string, 'end', (from) =>
        community.anonymous.get(`${v1}/events`, { access_token, from, timeout: 20_000 }),
      ),
      untilTold(next_batch, 'next_batch', (since) =>
        bob.get('sync', { since, timeout: 20_000, set_presence: 'offline' }),
      ),
    ]
    await alice.sendText(roomId, question)
    await Promise.all(following)
    expect(await servedBy('/_matrix/client/')).toHaveProperty('size', 3)
  })

  it('are one server to others: joined from there, joining there, and told whichever process is asked', async () => {
    const [alice, carol] = [await community.register('alice2'), await elsewhere.register('carol')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await join(carol, roomId, community)
    const there = await carol.createRoom({ preset: 'private_chat', invite: [alice.userId] })
    await eventually(
      () => alice.sync(),
      (answer) => answer.rooms?.invite?.[there] !== undefined,
    )
    await alice.join(there)
    for (let n = 0; n < 20; n += 1) {
      // At the same time: one is written here by some process, the other comes in a transaction to some other.
      for (const id of [roomId, there]) {
        await Promise.all([alice.sendText(id, `from here ${n}`), carol.sendText(id, `from there ${n}`)])
      }
    }
    await alice.setState(roomId, 'm.room.topic', { topic: 'to be seen everywhere' })
    await carol.setState(there, 'm.room.name', { name: 'to be seen here' })
    for (const id of [roomId, there]) {
      const [here, far] = await untilTheyAgree([alice, carol], id)
      expect(here).toEqual(far)
      const bodies = Object.values(here!.timeline).map(({ content }) => (content as { body?: string }).body)
      expect(bodies.filter((body) => body?.startsWith('from'))).toHaveLength(40)
    }
    // Few transactions hold many messages: which processes they come to is chance, but it is not one.
    expect((await servedBy('/_matrix/federation/v1/send/')).size).toBeGreaterThan(1)
    await alice.post(`${pathOf(roomId)}/kick`, { user_id: carol.userId })
    const path = `${pathOf(roomId)}/state/m.room.member/${encodeURIComponent(carol.userId)}`
    const ask = async () => (await carol.get(path))['membership']
    expect(await eventually(ask, (membership) => membership === 'leave')).toBe('leave')
  })

  it('lose, double and hold up nothing when each of them is killed in turn, the one that sends among them', async () => {
    const [alice, carol] = [await community.register('alice3'), await elsewhere.register('carol3')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await join(carol, roomId, community)
    const talkers = [new Talker(alice, roomId), new Talker(carol, roomId)]
    await vi.waitFor(async () => expect(await senderOf()).toBeDefined(), within)
    const senders = new Set([await senderOf()])
    for (const talker of talkers) talker.start()
    for (const process of community.processes) {
      await sleep(500)
      const before = await senderOf()
      await process.kill()
      const killedAt = performance.now()
      await vi.waitFor(async () => expect(await countProcesses()).toBe(2), within)
      await vi.waitFor(async () => expect(await senderOf()).toBeDefined(), within)
      const now = await senderOf()
      if (now !== before) console.log(`another process sent after ${Math.round(performance.now() - killedAt)} ms`)
      senders.add(now)
      await process.launch()
      await vi.waitFor(async () => expect(await countProcesses()).toBe(3), within)
    }
    const sent = (await Promise.all(talkers.map((talker) => talker.stopSending()))).flat()
    expect(senders.size).toBeGreaterThan(1)
    for (const talker of talkers) {
      await vi.waitFor(() => expect(new Set(talker.got)).toEqual(new Set(sent)), { timeout: 60_000 })
      expect(talker.got).toHaveLength(sent.length)
      await talker.stop()
    }
    const [here, far] = await untilTheyAgree([alice, carol], roomId)
    expect(here).toEqual(far)
    const { problems } = await checkDatabase({
      url: community.processes[0]!.databaseUrl,
      serverName: community.serverName,
    })
    expect(problems).toEqual([])
  })
})
