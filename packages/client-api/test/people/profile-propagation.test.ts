import { TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('a change of profile', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
  })

  afterAll(() => server.stop())

  const rename = (client: TestClient, displayname: string) =>
    client.put(`profile/${encodeURIComponent(client.userId)}/displayname`, { displayname })

  const memberPath = (room: string, userId: string) =>
    `rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(userId)}`

  const names = (rooms: readonly string[], client: TestClient) =>
    Promise.all(rooms.map(async (room) => (await client.get(memberPath(room, client.userId)))['displayname']))

  /** Follows the sync of a client until what it has seen is enough. */
  async function follow(client: TestClient, since: string, isEnough: (seen: readonly SyncAnswer[]) => boolean) {
    const seen: SyncAnswer[] = []
    let token = since
    while (!isEnough(seen)) {
      const answer = await client.sync({ since: token, timeout: 10_000 })
      seen.push(answer)
      token = answer.next_batch
    }
    return seen
  }

  it('[E-046] [E-048] comes to every room that the user is in, and to those only', async () => {
    const rooms = await Promise.all([1, 2, 3].map(() => alice.createRoom({ preset: 'public_chat' })))
    for (const room of rooms) await bob.join(room)
    const left = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(left)
    await alice.leave(left)
    const invited = await bob.createRoom({ invite: [alice.userId] })
    const { next_batch: since } = await bob.sync()

    await rename(alice, 'Alice')
    const membersOf = (seen: readonly SyncAnswer[]) =>
      seen.flatMap(({ rooms: { join = {} } = {} }) =>
        Object.entries(join).flatMap(([room, { timeline }]) =>
          timeline.events.filter(({ type }) => type === 'm.room.member').map((event) => ({ room, event })),
        ),
      )
    const seen = membersOf(await follow(bob, since, (answers) => membersOf(answers).length >= 3))
    expect(seen.map(({ room }) => room).sort()).toEqual([...rooms].sort())
    for (const { event } of seen) {
      expect(event).toMatchObject({ sender: alice.userId, state_key: alice.userId })
      expect(event.content).toEqual({ membership: 'join', displayname: 'Alice' })
    }
    expect(await bob.get(memberPath(left, alice.userId))).toEqual({ membership: 'leave' })
    expect(await bob.get(memberPath(invited, alice.userId))).toEqual({ membership: 'invite' })
  })

  it('that is made again and again comes to the last one, and a name that is taken away is gone', async () => {
    const carol = await server.register('carol')
    const rooms = await Promise.all(Array.from({ length: 30 }, () => carol.createRoom()))
    for (let i = 0; i <= 10; i++) await rename(carol, `Carol ${i}`)
    await expect.poll(() => names(rooms, carol), { timeout: 60_000 }).toEqual(rooms.map(() => 'Carol 10'))
    await rename(carol, '')
    await expect.poll(() => names(rooms, carol), { timeout: 60_000 }).toEqual(rooms.map(() => undefined))
  })

  it('is brought to the rooms after a restart too', async () => {
    const dora = await server.register('dora')
    const rooms = await Promise.all(Array.from({ length: 45 }, () => dora.createRoom()))
    await rename(dora, 'Dora')
    await server.restart()
    await expect.poll(() => names(rooms, dora), { timeout: 60_000 }).toEqual(rooms.map(() => 'Dora'))
  })

  it('keeps what else a member event says, and sends nothing where it is shown already', async () => {
    const erin = await server.register('erin')
    const [one, two] = [await erin.createRoom(), await erin.createRoom()]
    const eventId = await erin.setState(one, 'm.room.member', { membership: 'join', displayname: 'Erin' }, erin.userId)
    await erin.setState(two, 'm.room.member', { membership: 'join', 'org.example.hat': 'red' }, erin.userId)
    await rename(erin, 'Erin')
    const expected = { membership: 'join', displayname: 'Erin', 'org.example.hat': 'red' }
    await expect.poll(() => erin.get(memberPath(two, erin.userId)), { timeout: 60_000 }).toEqual(expected)
    const { rooms } = await erin.sync()
    const members = rooms!.join![one]!.timeline.events.filter(({ type }) => type === 'm.room.member')
    expect(members.at(-1)!.event_id).toBe(eventId)
  })

  it('of a field that rooms do not show sends nothing', async () => {
    const fay = await server.register('fay')
    await fay.createRoom()
    const { next_batch: since } = await fay.sync()
    const jobs = () => server.store.database.query(null, "select key from jobs where kind = 'profile-propagation'")
    await expect.poll(jobs).toEqual([])
    await fay.put(`profile/${encodeURIComponent(fay.userId)}/m.tz`, { 'm.tz': 'Europe/London' })
    expect(await jobs()).toEqual([])
    expect((await fay.sync({ since })).rooms?.join ?? {}).toEqual({})
  })
})
