import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bundled, edit, reply, v1Room } from './relating.ts'

describe('GET /rooms/{roomId}/threads', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })

  const threads = async (client: TestClient, query: Record<string, string | number> = {}) =>
    (await client.get(`${v1Room(roomId)}/threads`, query)) as unknown as { chunk: JsonObject[]; next_batch?: string }
  const ids = (events: readonly JsonObject[]) => events.map((event) => event['event_id'])
  const message = (client: TestClient, content: JsonObject) => client.send(roomId, 'm.room.message', content)
  const redact = (client: TestClient, eventId: string) =>
    client.put(`rooms/${encodeURIComponent(roomId)}/redact/${encodeURIComponent(eventId)}/${Math.random()}`)

  it('gives the roots, the one with the latest event first, in pages', async () => {
    const roots: string[] = []
    for (let n = 0; n < 3; n += 1) {
      roots.push(await alice.sendText(roomId, `root ${n}`))
      await message(bob, reply(roots[n]!, 'x'))
    }
    await message(alice, reply(roots[0]!, 'again'))
    await alice.sendText(roomId, 'no thread')
    const first = await threads(alice, { limit: 2 })
    expect(ids(first.chunk)).toEqual([roots[0], roots[2]])
    expect(bundled(first.chunk[0]!)['m.thread']).toMatchObject({
      count: 2,
      latest_event: { content: { body: 'again' } },
    })
    const second = await threads(alice, { limit: 2, from: first.next_batch! })
    expect(ids(second.chunk)).toEqual([roots[1]])
    expect(second.next_batch).toBeUndefined()
  })

  it('gives those that the requester started or took part in', async () => {
    const byAlice = await alice.sendText(roomId, 'by alice')
    const byBob = await bob.sendText(roomId, 'by bob')
    const other = await bob.sendText(roomId, 'not hers')
    await message(bob, reply(byAlice, 'x'))
    await message(alice, reply(byBob, 'x'))
    await message(bob, reply(other, 'x'))
    expect(ids((await threads(alice, { include: 'participated' })).chunk)).toEqual([byBob, byAlice])
    expect(ids((await threads(alice, { include: 'all' })).chunk)).toEqual([other, byBob, byAlice])
  })

  it('follows redactions', async () => {
    const older = await alice.sendText(roomId, 'older')
    await message(bob, reply(older, 'x'))
    const newer = await alice.sendText(roomId, 'newer')
    await message(bob, reply(newer, 'x'))
    const latest = await message(bob, reply(older, 'y'))
    expect(ids((await threads(alice)).chunk)).toEqual([older, newer])
    await redact(bob, latest)
    expect(ids((await threads(alice)).chunk)).toEqual([newer, older])
  })

  it('ends a thread with its last event', async () => {
    const root = await alice.sendText(roomId, 'root')
    const only = await message(bob, reply(root, 'x'))
    await redact(bob, only)
    expect((await threads(alice)).chunk).toEqual([])
  })

  it('shows the root of an ignored user as if it were redacted', async () => {
    const root = await bob.sendText(roomId, 'secret')
    await message(bob, edit(root, 'secret'))
    await message(alice, reply(root, 'mine'))
    await alice.put(`user/${encodeURIComponent(alice.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: { [bob.userId]: {} },
    })
    const { chunk } = await threads(alice)
    expect(ids(chunk)).toEqual([root])
    expect(chunk[0]!['content']).toEqual({})
    expect(JSON.stringify(chunk)).not.toContain('secret')
    await alice.put(`user/${encodeURIComponent(alice.userId)}/account_data/m.ignored_user_list`, { ignored_users: {} })
  })

  it('is not for those outside the room, nor of rooms that are not there', async () => {
    const carol = await server.register(`carol${Date.now()}`)
    for (const id of [roomId, '!nowhere:hearth.test']) {
      const answer = await carol.request('GET', `${v1Room(id)}/threads`)
      expect(answer).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    }
    await bob.leave(roomId)
    expect(await bob.request('GET', `${v1Room(roomId)}/threads`)).toMatchObject({ status: 403 })
  })

  it.each([
    ['a token that is none', 'from=x'],
    ['a limit of nothing', 'limit=0'],
    ['other kinds of threads', 'include=x'],
  ])('refuses %s', async (_name, query) => {
    expect((await alice.request('GET', `${v1Room(roomId)}/threads?${query}`)).status).toBe(400)
  })
})
