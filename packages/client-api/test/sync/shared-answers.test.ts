import { TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { gist, joinedRoom, withFilter } from './answer-parts.ts'

const none = { not_types: ['*'] }
const limitedTo = (limit: number) =>
  withFilter({ presence: none, room: { timeline: { limit }, state: { lazy_load_members: true }, ephemeral: none } })
const lazily = limitedTo(5)

// What is found once for many readers must not bring one of them what is another's.
describe('a message to many who wait with the same filter', () => {
  let server: TestServer
  let alice: TestClient
  let readers: TestClient[]
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    readers = await Promise.all(['bob', 'carol', 'dave'].map((name) => server.register(name)))
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat', name: 'many' })
    for (const reader of readers) await reader.join(roomId)
  })

  const timelineOf = (answer: SyncAnswer) => joinedRoom(answer, roomId)?.timeline.events
  const stripped = (answer: SyncAnswer) =>
    JSON.parse(JSON.stringify(joinedRoom(answer, roomId)), (key, value: unknown) =>
      key === 'age' ? 0 : value,
    ) as object

  /** Everybody's answers to the same news, waited for together. */
  async function told(clients: readonly TestClient[], query: object, happens: () => Promise<unknown>) {
    const tokens = await Promise.all(clients.map(async (client) => (await client.sync({ ...query })).next_batch))
    const waiting = clients.map((client, index) => client.sync({ ...query, since: tokens[index]!, timeout: 30_000 }))
    await happens()
    return Promise.all(waiting)
  }

  it('tells all of them the same, with the member event of who speaks', async () => {
    const answers = await told(readers, lazily, () => alice.sendText(roomId, 'hello'))
    for (const answer of answers) {
      expect(gist(timelineOf(answer))).toEqual(['hello'])
      expect(stripped(answer)).toEqual(stripped(answers[0]!))
    }
  })

  it('tells the sending device alone how it named the request', async () => {
    const devices = [alice, await alice.logIn('alice', "alice's password"), ...readers]
    const answers = await told(devices, lazily, () =>
      alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'hi' }, 'named'),
    )
    const names = answers.map((answer) => timelineOf(answer)?.map(({ unsigned }) => unsigned?.['transaction_id']))
    expect(names).toEqual([['named'], ...names.slice(1).map(() => [undefined])])
  })

  it('keeps it from who ignores the sender, and from nobody else', async () => {
    const [bob, ...others] = readers as [TestClient, ...TestClient[]]
    const list = `user/${encodeURIComponent(bob.userId)}/account_data/m.ignored_user_list`
    await bob.put(list, { ignored_users: { [alice.userId]: {} } })
    try {
      const answers = await told(readers, lazily, async () => {
        await alice.sendText(roomId, 'unwanted')
        await others[0]!.sendText(roomId, 'wanted')
      })
      const all = await Promise.all(
        answers.map(async (answer, index) => {
          const next = await readers[index]!.sync({ since: answer.next_batch, ...lazily })
          return [...gist(timelineOf(answer)), ...gist(timelineOf(next))]
        }),
      )
      expect(all[0]).toEqual(['wanted'])
      for (const each of all.slice(1)) expect(each).toEqual(['unwanted', 'wanted'])
    } finally {
      await bob.put(list, { ignored_users: {} })
    }
  })

  it('sends a member event again to none but those who have not got it', async () => {
    // The last event of these is the coming of somebody else: of Alice they have nothing yet.
    const tokens = await Promise.all(readers.map(async (reader) => (await reader.sync(limitedTo(1))).next_batch))
    const membersAfter = async (index: number) => {
      const answer = await readers[index]!.sync({ since: tokens[index]!, ...lazily })
      tokens[index] = answer.next_batch
      return joinedRoom(answer, roomId)!.state!.events.map(({ state_key: key }) => key)
    }
    await alice.sendText(roomId, 'one')
    expect(await membersAfter(0)).toEqual([alice.userId])
    await alice.sendText(roomId, 'two')
    expect(await membersAfter(0)).toEqual([])
    expect(await membersAfter(1)).toEqual([alice.userId])
  })

  it('counts for each what they have not read', async () => {
    const answers = await told(readers, lazily, () => alice.sendText(roomId, 'count me'))
    const [bob, ...others] = readers as [TestClient, ...TestClient[]]
    const { event_id: eventId } = timelineOf(answers[0]!)![0]!
    await bob.post(`rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(eventId)}`, {})
    const next = await told(readers, lazily, () => others[0]!.sendText(roomId, `for ${bob.userId}`))
    const counts = next.map((answer) => joinedRoom(answer, roomId)?.unread_notifications?.notification_count)
    // Bob has read the first; Carol wrote the second; Dave has read nothing.
    expect(counts).toEqual([1, 0, 2])
  })
})
