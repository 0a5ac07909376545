import type { JsonObject } from '@hearth/protocol'
import { TestServer, type SyncAnswer, type TestClient, type UnreadNotifications } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('unread notifications', () => {
  const byThread = JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } })
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  let users = 0

  beforeAll(async () => {
    server = await TestServer.start()
  })
  beforeEach(async () => {
    users++
    ;[alice, bob] = [await server.register(`alice${users}`), await server.register(`bob${users}`)]
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })
  afterAll(() => server.stop())

  /** Notifications and highlights of the room, and of its threads where the answer tells of them. */
  const counts = (answer: SyncAnswer, room = roomId) => {
    const joined = answer.rooms?.join?.[room]
    if (!joined) return undefined
    const numbers = (count: UnreadNotifications | undefined) =>
      count && [count.notification_count, count.highlight_count]
    const threads = Object.entries(joined.unread_thread_notifications ?? {}).map(([id, count]) => [id, numbers(count)])
    return threads.length > 0
      ? [...numbers(joined.unread_notifications)!, Object.fromEntries(threads)]
      : numbers(joined.unread_notifications)
  }
  const unread = async (client: TestClient, filter?: string) => counts(await client.sync({ filter }))
  const read = (client: TestClient, eventId: string, body: JsonObject = {}, type = 'm.read') =>
    client.post(`rooms/${encodeURIComponent(roomId)}/receipt/${type}/${encodeURIComponent(eventId)}`, body)
  const mention = (client: TestClient, userId: string) =>
    client.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'you', 'm.mentions': { user_ids: [userId] } })
  const inThread = (client: TestClient, rootId: string, more: JsonObject = {}) =>
    client.send(roomId, 'm.room.message', {
      msgtype: 'm.text',
      body: 'in the thread',
      'm.relates_to': { rel_type: 'm.thread', event_id: rootId },
      ...more,
    })

  it('count what others send, in the answer that has the event', async () => {
    const { next_batch: since } = await bob.sync()
    expect(await unread(bob)).toEqual([0, 0])
    await alice.sendText(roomId, 'one')
    const first = await bob.sync({ since })
    expect(counts(first)).toEqual([1, 0])
    const waiting = bob.sync({ since: first.next_batch, timeout: 10_000 })
    await mention(alice, bob.userId)
    expect(counts(await waiting)).toEqual([2, 1])
    expect(await unread(bob)).toEqual([2, 1])
    expect(await unread(alice)).toEqual([0, 0])
  })

  it('count what push rules say notifies', async () => {
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.notice', body: 'notice' })
    await alice.setState(roomId, 'm.room.topic', { topic: 'topic' })
    const eventId = await alice.sendText(roomId, 'cake?')
    await alice.send(roomId, 'm.reaction', {
      'm.relates_to': { rel_type: 'm.annotation', event_id: eventId, key: '👍' },
    })
    expect(await unread(bob)).toEqual([1, 0])
    await bob.put('pushrules/global/content/cake', {
      pattern: 'cake',
      actions: ['notify', { set_tweak: 'highlight' }],
    })
    await alice.sendText(roomId, 'cake!')
    expect(await unread(bob)).toEqual([2, 1])
    await bob.put(`pushrules/global/room/${encodeURIComponent(roomId)}`, { actions: [] })
    await alice.sendText(roomId, 'silence')
    await alice.sendText(roomId, 'a Cake')
    expect(await unread(bob)).toEqual([3, 2])
  })

  it('[S-40] are there at once, whatever patterns look for', async () => {
    for (const [index, pattern] of ['*a*a*a*a*a*a*b', `${'a*'.repeat(400)}b`, `${'a?'.repeat(400)}b`].entries()) {
      await bob.put(`pushrules/global/content/${index}`, { pattern, actions: ['notify', { set_tweak: 'highlight' }] })
    }
    await alice.sendText(roomId, 'a'.repeat(60_000))
    expect(await unread(bob)).toEqual([1, 0])
  })

  it('count mentions of everybody by those who may notify everybody', async () => {
    const everybody = { msgtype: 'm.text', body: '@room', 'm.mentions': { room: true } }
    const carol = await server.register(`carol${users}`)
    await carol.join(roomId)
    await carol.send(roomId, 'm.room.message', everybody)
    expect(await unread(bob)).toEqual([1, 0])
    await alice.send(roomId, 'm.room.message', everybody)
    expect(await unread(bob)).toEqual([2, 1])
  })

  it('ask for the number of members and for names where rules do', async () => {
    await bob.put('pushrules/global/underride/.m.rule.room_one_to_one/actions', { actions: [] })
    await alice.sendText(roomId, 'there are two of us')
    expect(await unread(bob)).toEqual([0, 0])
    const carol = await server.register(`carol${users}`)
    await carol.join(roomId)
    await alice.sendText(roomId, 'there are three of us')
    expect(await unread(bob)).toEqual([1, 0])
    await bob.put('pushrules/global/override/name', {
      conditions: [{ kind: 'contains_display_name' }],
      actions: ['notify', { set_tweak: 'highlight' }],
    })
    await bob.setState(roomId, 'm.room.member', { membership: 'join', displayname: 'Robert' }, bob.userId)
    await alice.sendText(roomId, 'hello robert!')
    await alice.sendText(roomId, 'hello roberto!')
    expect(await unread(bob)).toEqual([3, 1])
  })

  it.each(['m.read', 'm.read.private'])(
    'go with a receipt %s, which shows in the next sync and wakes',
    async (type) => {
      const events = [await alice.sendText(roomId, 'one'), await mention(alice, bob.userId)]
      const { next_batch: since } = await bob.sync()
      const withoutReceipts = JSON.stringify({ room: { ephemeral: { not_types: ['m.receipt'] } } })
      const waiting = [
        bob.sync({ since, timeout: 10_000 }),
        bob.sync({ since, timeout: 10_000, filter: withoutReceipts }),
      ]
      await read(bob, events[0]!, {}, type)
      for (const answer of await Promise.all(waiting)) expect(counts(answer)).toEqual([1, 1])
      const { next_batch: later } = await bob.sync()
      await read(bob, events[1]!, {}, type)
      expect(counts(await bob.sync({ since: later }))).toEqual([0, 0])
      // A receipt that is behind changes nothing.
      await read(bob, events[0]!, {}, 'm.read')
      expect(await unread(bob)).toEqual([0, 0])
    },
  )

  it('go when the user sends a message, and stay when their state changes', async () => {
    await alice.sendText(roomId, 'one')
    await bob.setState(roomId, 'm.room.member', { membership: 'join', displayname: 'Bob' }, bob.userId)
    expect(await unread(bob)).toEqual([1, 0])
    await bob.sendText(roomId, 'two')
    expect(await unread(bob)).toEqual([0, 0])
    await alice.sendText(roomId, 'three')
    expect(await unread(bob)).toEqual([1, 0])
  })

  it('are apart for each thread, for clients that ask for it', async () => {
    const root = await alice.sendText(roomId, 'root')
    const reply = await inThread(alice, root)
    await inThread(alice, root, { 'm.mentions': { user_ids: [bob.userId] } })
    expect(await unread(bob)).toEqual([3, 1])
    expect(await unread(bob, byThread)).toEqual([1, 0, { [root]: [2, 1] }])

    await read(bob, reply, { thread_id: root })
    expect(await unread(bob, byThread)).toEqual([1, 0, { [root]: [1, 1] }])
    await read(bob, root, { thread_id: 'main' })
    expect(await unread(bob, byThread)).toEqual([0, 0, { [root]: [1, 1] }])
    await alice.sendText(roomId, 'after')
    await inThread(bob, root)
    expect(await unread(bob, byThread)).toEqual([1, 0])
    const last = await inThread(alice, root)
    expect(await unread(bob)).toEqual([2, 0])
    await read(bob, last)
    expect(await unread(bob, byThread)).toEqual([0, 0])
  })

  it('begin anew with each stay, and are not there before or after it', async () => {
    await alice.sendText(roomId, 'one')
    await bob.leave(roomId)
    await alice.sendText(roomId, 'two')
    const left = await bob.sync({ filter: JSON.stringify({ room: { include_leave: true } }) })
    expect(left.rooms!.leave![roomId]).not.toHaveProperty('unread_notifications')
    await bob.join(roomId)
    expect(await unread(bob)).toEqual([0, 0])
    await alice.sendText(roomId, 'three')
    expect(await unread(bob)).toEqual([1, 0])
    const carol = await server.register(`carol${users}`)
    await carol.join(roomId)
    expect(await unread(carol)).toEqual([0, 0])
  })

  it('leave out what ignored users send', async () => {
    await bob.put(`user/${encodeURIComponent(bob.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: { [alice.userId]: {} },
    })
    await mention(alice, bob.userId)
    expect(await unread(bob)).toEqual([0, 0])
  })

  it('outlive a restart, whether or not they were stored', async () => {
    const root = await alice.sendText(roomId, 'one')
    await inThread(alice, root, { 'm.mentions': { user_ids: [bob.userId] } })
    const expected = [1, 0, { [root]: [1, 1] }]
    await server.restart()
    expect(await unread(bob, byThread)).toEqual(expected)
    await stored()
    await server.restart()
    const { next_batch: since, ...answer } = await bob.sync({ filter: byThread })
    expect(counts({ next_batch: since, ...answer })).toEqual(expected)
    await read(bob, root)
    await alice.sendText(roomId, 'two')
    await server.restart()
    expect(counts(await bob.sync({ since, filter: byThread }))).toEqual([1, 0, { [root]: [1, 1] }])
    await stored()
    await server.restart()
    expect(await unread(bob, byThread)).toEqual([1, 0, { [root]: [1, 1] }])
  })

  it('go with the room and with the stay from the store too', async () => {
    await alice.sendText(roomId, 'one')
    await stored()
    const rows = () => server.store.database.query<{ n: number }>(null, 'select count(*) as n from unread_counts u')
    const [before] = await rows()
    await bob.leave(roomId)
    await stored()
    const [after] = await rows()
    expect(after!.n).toBe(before!.n - 1)
  })

  /** Starts the server anew, so that the consumer does not linger, and waits until it has come to where the stream is. */
  async function stored(): Promise<void> {
    await server.restart()
    const { store } = server
    const head = await store.streams.position()
    const cursor = async () => {
      const rows = await store.database.query<{ pos: number }>(
        null,
        `select pos from consumer_cursor where name = 'unread-counts'`,
      )
      return rows[0]?.pos ?? 0
    }
    await expect.poll(cursor, { timeout: 30_000, interval: 50 }).toBeGreaterThanOrEqual(head)
  }
})
