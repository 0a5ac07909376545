import type { JsonObject } from '@hearth/protocol'
import { TestServer, type SyncAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { joinedRoom, withFilter } from './answer-parts.ts'

describe('lazily loaded members in /sync', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let carol: TestClient
  let dave: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob, carol, dave] = (await Promise.all(
      ['alice', 'bob', 'carol', 'dave'].map((name) => server.register(name)),
    )) as [TestClient, TestClient, TestClient, TestClient]
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat', name: 'so that nobody has to name it' })
    for (const client of [bob, carol, dave]) await client.join(roomId)
  })

  const lazily = (limit: number, more: JsonObject = {}) =>
    withFilter({ room: { timeline: { limit }, state: { lazy_load_members: true, ...more } } })
  /** The localparts of the member events in the state of an answer. */
  const membersIn = (answer: SyncAnswer) => {
    const { state, state_after: after } = joinedRoom(answer, roomId) ?? {}
    const events = (state ?? after)?.events ?? []
    return events
      .flatMap(({ type, state_key: key }) => (type === 'm.room.member' ? key!.slice(1).split(':')[0]! : []))
      .sort()
  }

  it('are in a full state those who speak, and oneself', async () => {
    await bob.sendText(roomId, 'hi')
    const first = await alice.sync(lazily(1))
    expect(membersIn(first)).toEqual(['alice', 'bob'])
    const full = await alice.sync({ since: first.next_batch, full_state: true, ...lazily(1) })
    expect(membersIn(full)).toEqual(['alice'])
  })

  it('are all that changed in a gap, whether or not they speak', async () => {
    const first = await alice.sync(lazily(1))
    await dave.leave(roomId)
    for (let n = 0; n < 3; n += 1) await carol.sendText(roomId, `m${n}`)
    const query = { since: first.next_batch, ...lazily(1) }
    expect(membersIn(await alice.sync(query))).toEqual(['carol', 'dave'])
    expect(membersIn(await alice.sync({ ...query, full_state: true }))).toEqual(['alice', 'carol', 'dave'])
  })

  it('are not those whose coming in is in the timeline, nor are these sent when they speak later', async () => {
    const first = await alice.sync(lazily(10))
    await dave.leave(roomId)
    await dave.join(roomId)
    const second = await alice.sync({ since: first.next_batch, ...lazily(10) })
    expect(membersIn(second)).toEqual([])
    await dave.sendText(roomId, 'back')
    const third = await alice.sync({ since: second.next_batch, ...lazily(10) })
    expect(membersIn(third)).toEqual([])
  })

  it('are sent again when their name has changed out of sight', async () => {
    await bob.sendText(roomId, 'as bob')
    const first = await alice.sync(lazily(1))
    await bob.setState(roomId, 'm.room.member', { membership: 'join', displayname: 'Robert' }, bob.userId)
    await carol.sendText(roomId, 'noise')
    await bob.sendText(roomId, 'as Robert')
    const answer = await alice.sync({ since: first.next_batch, ...lazily(1) })
    expect(membersIn(answer)).toEqual(['bob'])
    expect(joinedRoom(answer, roomId)?.state?.events[0]?.content).toMatchObject({ displayname: 'Robert' })
  })

  it('are sent each time to those who ask for redundant ones', async () => {
    await bob.sendText(roomId, 'one')
    const first = await alice.sync(lazily(1))
    await bob.sendText(roomId, 'two')
    const again = lazily(1, { include_redundant_members: true })
    expect(membersIn(await alice.sync({ since: first.next_batch, ...again }))).toEqual(['bob'])
  })

  it('are known to each device by itself', async () => {
    const phone = await server.anonymous.logIn('alice', "alice's password")
    await bob.sendText(roomId, 'one')
    await alice.sync(lazily(1))
    const { next_batch: since } = await phone.sync()
    await bob.sendText(roomId, 'two')
    expect(membersIn(await phone.sync({ since, ...lazily(1) }))).toEqual(['bob'])
  })

  it('are with the state after the timeline those in it too', async () => {
    await bob.sendText(roomId, 'hi')
    const first = await alice.sync({ use_state_after: true, ...lazily(1) })
    expect(membersIn(first)).toEqual(['alice', 'bob'])
    await dave.leave(roomId)
    await alice.invite(roomId, dave.userId)
    const second = await alice.sync({ since: first.next_batch, use_state_after: true, ...lazily(10) })
    // Alice is known; Dave's membership changed twice, and what it is now is state.
    expect(membersIn(second)).toEqual(['dave'])
    expect(joinedRoom(second, roomId)?.state_after?.events.at(-1)?.content['membership']).toBe('invite')
    const anew = await alice.sync({ use_state_after: true, ...lazily(1) })
    expect(membersIn(anew)).toEqual(['alice', 'dave'])
  })

  it('have those in them whom a nameless room is named after', async () => {
    await bob.sendText(roomId, 'hi')
    const first = await alice.sync(lazily(1))
    await alice.setState(roomId, 'm.room.name', {})
    const nameless = await alice.sync({ since: first.next_batch, ...lazily(10) })
    expect(joinedRoom(nameless, roomId)?.summary?.['m.heroes']).toEqual([bob, carol, dave].map(({ userId }) => userId))
    // Bob spoke before.
    expect(membersIn(nameless)).toEqual(['carol', 'dave'])
    expect(membersIn(await alice.sync(lazily(1)))).toEqual(['alice', 'bob', 'carol', 'dave'])
  })

  it('are whole for a room that is new to the client', async () => {
    const erin = await server.register(`erin${Math.trunc(performance.now())}`)
    const { next_batch: since } = await erin.sync(lazily(2))
    await bob.sendText(roomId, 'welcome')
    await erin.join(roomId)
    await bob.sendText(roomId, 'hi')
    expect(membersIn(await erin.sync({ since, ...lazily(2) }))).toEqual(['bob'])
  })
})
