import type { EventId, ServerName, UserId } from '@hearth/protocol'
import { addSignature, redact, type RoomEvent } from '@hearth/rooms'
import { SystemClock } from '@hearth/runtime'
import { createTestDatabase, ForeignRoom, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DummyEvents, type Room } from '../../src/index.ts'
import { PeerKeys, PeerServers } from './peer-servers.ts'
import { receivedEvent, ReceivingServer } from './receiving-server.ts'

const ownName = 'hs1' as ServerName
const peer = 'hs2' as ServerName
const alice = '@alice:hs1'
const bob = '@bob:hs2'
const carol = '@carol:hs3'

let database: TestDatabase
let server: ReceivingServer
let foreign: ForeignRoom
let room: Room
const keys = new PeerKeys()

beforeAll(async () => {
  database = await createTestDatabase()
  server = await ReceivingServer.start(database.url, ownName)
})

afterAll(async () => {
  await server.stop()
  await database.drop()
})

beforeEach(() => enter('10'))

/** A public room of that version, of ours, in which bob and carol are; he may do what moderators may. */
async function enter(version: string): Promise<void> {
  const keyOf = new Map(['hs1', 'hs2', 'hs3'].map((name) => [name, keys.keyOf(name)]))
  foreign = new ForeignRoom(version, { creator: alice, keys: keyOf })
  const levels = { users: { [alice]: 100, [bob]: 50 } }
  foreign.send({ type: 'm.room.power_levels', sender: alice, state_key: '', content: levels })
  foreign.send({ type: 'm.room.join_rules', sender: alice, state_key: '', content: { join_rule: 'public' } })
  foreign.send(foreign.member(bob, 'join'))
  foreign.send(foreign.member(carol, 'join'))
  const [create, ...others] = foreign.events
  room = await server.addRoom(foreign.version, create!)
  await server.receive(room, ...others)
  server.changes.length = 0
}

const message = (sender: string, body: string) => ({ type: 'm.room.message', sender, content: { body } })

async function current(): Promise<Room> {
  return (await server.rooms.findByNid(room.nid))!
}

async function extremities(): Promise<EventId[]> {
  return (await current()).head.extremities.map(({ event }) => event.eventId)
}

async function storedContent(eventId: EventId) {
  const [row] = await server.store.events.findByIds([eventId])
  return (JSON.parse(row!.json) as RoomEvent['pdu']).content
}

function told(): EventId[] {
  return server.changes.flatMap((change) => (change.kind === 'event' ? [change.event.eventId] : []))
}

describe('a received event', () => {
  it('[SEC-125] that the current state does not allow is soft-failed: not shown, and not followed', async () => {
    const before = foreign.events.at(-1)!
    const late = foreign.build(message(carol, 'I was here'))
    const ban = foreign.send(foreign.member(carol, 'ban', { sender: bob }))
    await server.receive(room, ban)
    const [placement] = await server.receive(room, late)
    expect(placement).toMatchObject({
      kind: 'soft-failed',
      reason: expect.stringContaining('not in the room') as string,
    })
    expect(await extremities()).toEqual([ban.eventId])
    expect(told()).toEqual([ban.eventId])
    expect(late.pdu.prev_events).toEqual([before.eventId])

    // What another server sends after it is taken all the same, and stands alone in the end.
    const after = foreign.build({ ...message(bob, 'hm'), prev_events: [late.eventId, ban.eventId] })
    expect(await server.receive(room, after)).toMatchObject([{ kind: 'accepted' }])
    expect(await extremities()).toEqual([after.eventId])
  })

  it('that its auth events do not allow is rejected, and so is what it would allow', async () => {
    const coup = foreign.build({
      type: 'm.room.power_levels',
      sender: carol,
      state_key: '',
      content: { users: { [carol]: 100 } },
    })
    const kick = foreign.build({
      ...foreign.member(bob, 'leave', { sender: carol }),
      prev_events: [coup.eventId],
      auth_events: [
        foreign.create.eventId,
        coup.eventId,
        foreign.find('m.room.member', carol)!.eventId,
        foreign.find('m.room.member', bob)!.eventId,
      ],
    })
    const state = await server.currentState(await current())
    expect(await server.receive(room, coup, kick)).toMatchObject([{ kind: 'rejected' }, { kind: 'rejected' }])
    expect(await server.currentState(await current())).toEqual(state)
    expect(told()).toEqual([])
    expect(await server.receive(room, coup)).toEqual([{ kind: 'known' }])
  })

  it('[SEC-132] that creates the room a second time is rejected', async () => {
    const create = foreign.build({
      type: 'm.room.create',
      sender: bob,
      state_key: '',
      content: { room_version: '10', creator: bob },
      prev_events: [],
      auth_events: [],
    })
    expect(await server.receive(room, create)).toMatchObject([{ kind: 'rejected' }])
  })

  it('that was an outlier before gets its place, once what is before it is there', async () => {
    const first = foreign.send({ type: 'm.room.topic', sender: bob, state_key: '', content: { topic: 'one' } })
    const second = foreign.send({ type: 'm.room.topic', sender: bob, state_key: '', content: { topic: 'two' } })
    const third = foreign.send(message(bob, 'three'))
    const rows = [second, third].map((event) => ({ event, json: receivedEvent(foreign.version, event).json }))
    const { stored } = await server.outliers.take(room, rows)
    expect(await server.receive(room, second)).toEqual([
      { kind: 'incomplete', missingAuth: [], missingPrevious: [first.eventId] },
    ])
    expect((await server.receive(room, first, second, third)).map(({ kind }) => kind)).toEqual(
      Array(3).fill('accepted'),
    )
    expect(told()).toEqual([first.eventId, second.eventId, third.eventId])
    const late = await server.store.events.findByIds([second.eventId, third.eventId])
    expect(late.map(({ nid }) => nid)).toEqual([second, third].map(({ eventId }) => stored.get(eventId)!.nid))
    expect(await extremities()).toEqual([third.eventId])
    const topic = await server.events.findState((await current()).head.state, 'm.room.topic', '')
    expect(topic!.eventId).toBe(second.eventId)
    // A message of ours follows it.
    const [sent] = await server.sender.send(await current(), () => [
      { ...message(alice, 'four'), sender: alice as UserId },
    ])
    expect(await extremities()).toEqual([sent!.eventId])
  })

  it('[SEC-141] that comes many times at once is one event', async () => {
    const event = foreign.send(message(bob, 'hi'))
    const { receivedPdus } = server.transactions(
      keys,
      new PeerServers({ events: new Map(), stateBefore: () => new Map() }),
    )
    const pdus = Array.from({ length: 50 }, () => event.pdu)
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => receivedPdus.receive(peer, pdus)))
    const kinds = outcomes.map((each) => each.get(event.eventId)!.kind).sort()
    expect(kinds).toEqual(['accepted', ...Array<string>(9).fill('known')])
    expect(told()).toEqual([event.eventId])
  })

  it('[SEC-126] of an id that is taken is ignored, where servers choose them', async () => {
    await enter('1')
    const event = foreign.send(message(bob, 'hi'))
    const { receivedPdus } = server.transactions(
      keys,
      new PeerServers({ events: new Map(), stateBefore: () => new Map() }),
    )
    await receivedPdus.receive(peer, [event.pdu])
    const impostor = foreign.build({ ...message(bob, 'ho'), prev_events: event.pdu.prev_events })
    const pdu = { ...impostor.pdu, event_id: event.eventId, signatures: {} }
    const signer = { serverName: peer, signingKey: keys.keyOf(peer) }
    const { pdu: forged } = addSignature(foreign.version, { eventId: event.eventId, pdu }, signer)
    const outcomes = await receivedPdus.receive(peer, [forged])
    expect(outcomes.get(event.eventId)).toEqual({ kind: 'known' })
    expect(await storedContent(event.eventId)).toEqual({ body: 'hi' })
  })

  it('[SEC-116] [SEC-142] of a room that nobody here is in, or that keeps its server out, is ignored', async () => {
    const { receivedPdus } = server.transactions(
      keys,
      new PeerServers({ events: new Map(), stateBefore: () => new Map() }),
    )
    const other = new ForeignRoom('10', { creator: bob, keys: new Map([['hs2', keys.keyOf('hs2')]]) })
    const elsewhere = other.send(message(bob, 'hi'))
    expect((await receivedPdus.receive(peer, [elsewhere.pdu, { room_id: 5 }, {}])).size).toBe(0)
    const acl = { allow: ['*'], deny: ['hs3'] }
    await server.receive(room, foreign.send({ type: 'm.room.server_acl', sender: alice, state_key: '', content: acl }))
    const denied = foreign.build(message(carol, 'hi'))
    const outcomes = await receivedPdus.receive('hs3' as ServerName, [denied.pdu])
    expect(outcomes.get(denied.eventId)!.kind).toBe('ignored')
    expect(await server.store.events.findByIds([denied.eventId])).toEqual([])
  })
})

describe('a transaction of 50 events', () => {
  it('takes one query for what is known and one commit', async () => {
    const { receivedPdus } = server.transactions(
      keys,
      new PeerServers({ events: new Map(), stateBefore: () => new Map() }),
    )
    await receivedPdus.receive(peer, [foreign.send(message(bob, 'first')).pdu])
    const pdus = Array.from({ length: 50 }, (_, i) => foreign.send(message(bob, `${i}`)).pdu)
    const before = server.store.database.statements
    const outcomes = await receivedPdus.receive(peer, pdus)
    expect([...outcomes.values()].every(({ kind }) => kind === 'accepted')).toBe(true)
    // The other one is for redactions that may have come first.
    expect(server.store.database.statements - before).toBe(3)

    // Where history has forked, it takes one more to know what these events may be before.
    await server.receive(room, foreign.build(message(carol, 'beside')))
    const further = Array.from({ length: 50 }, (_, i) => foreign.send(message(bob, `${i}`)).pdu)
    const forked = server.store.database.statements
    await receivedPdus.receive(peer, further)
    expect(server.store.database.statements - forked).toBe(4)
  })
})

describe('a received redaction', () => {
  const redaction = (sender: string, redacts: EventId) => ({ type: 'm.room.redaction', sender, content: {}, redacts })

  it('takes the content of its target away', async () => {
    const target = foreign.send(message(carol, 'oops'))
    const redacting = foreign.send(redaction(bob, target.eventId))
    await server.receive(room, target, redacting)
    expect(await storedContent(target.eventId)).toEqual({})
    const change = server.changes.find((each) => each.kind === 'event' && each.event.eventId === redacting.eventId)
    expect(change).toMatchObject({
      redacted: { event: { eventId: target.eventId, pdu: redact(foreign.version, target.pdu) } },
    })
  })

  it('that comes before its target waits for it', async () => {
    const target = foreign.send(message(carol, 'oops'))
    const redacting = foreign.build({ ...redaction(carol, target.eventId), prev_events: target.pdu.prev_events })
    await server.receive(room, redacting)
    await server.receive(room, target)
    expect(await storedContent(target.eventId)).toEqual({})
    expect(server.changes.at(-1)).toMatchObject({ event: { eventId: target.eventId, pdu: { content: {} } } })
  })

  it('[SEC-133] does nothing to what its sender may not redact, in whatever order they come', async () => {
    const target = foreign.send(message(bob, 'mine'))
    const early = foreign.build({ ...redaction(carol, target.eventId), prev_events: target.pdu.prev_events })
    const late = foreign.build(redaction(carol, target.eventId))
    const kinds = (await server.receive(room, early, target, late)).map(({ kind }) => kind)
    // Clients would carry out what they are shown.
    expect(kinds).toEqual(['accepted', 'accepted', 'soft-failed'])
    expect(await storedContent(target.eventId)).toEqual({ body: 'mine' })
    const ofCreate = foreign.build(redaction(alice, foreign.create.eventId))
    await server.receive(room, ofCreate)
    expect(await storedContent(foreign.create.eventId)).toEqual(foreign.create.pdu.content)
  })
})

describe('an event that names one of another room', () => {
  let elsewhere: EventId

  beforeEach(async () => {
    elsewhere = foreign.find('m.room.member', bob)!.eventId
    await enter('10')
  })

  it('as what authorizes it is rejected, and what comes after it goes on', async () => {
    const auth = [foreign.create.eventId, elsewhere]
    const topic = { type: 'm.room.topic', sender: bob, state_key: '', content: { topic: 'forged' } }
    const forged = foreign.send({ ...topic, auth_events: auth })
    const next = foreign.build({ ...message(bob, 'hi'), prev_events: [forged.eventId] })
    expect((await server.receive(room, forged, next)).map(({ kind }) => kind)).toEqual(['rejected', 'accepted'])
    expect(told()).toEqual([next.eventId])
  })

  it('[SEC-133] as what it redacts is shown to nobody', async () => {
    const redacting = foreign.send({ type: 'm.room.redaction', sender: bob, content: {}, redacts: elsewhere })
    expect(await server.receive(room, redacting)).toMatchObject([{ kind: 'soft-failed' }])
    expect(await storedContent(elsewhere)).toMatchObject({ membership: 'join' })
  })
})

describe('a room with many forward extremities', () => {
  it('has them joined by an event of a user of this server, which no client is shown', async () => {
    const tip = foreign.events.at(-1)!
    const fork = { prev_events: [tip.eventId], depth: tip.pdu.depth + 1 }
    const forks = Array.from({ length: 25 }, (_, i) => foreign.build({ ...message(bob, `${i}`), ...fork }))
    const jobs = server.jobs()
    const dummyEvents = new DummyEvents({ ...server, jobs, clock: new SystemClock() })
    jobs.register(dummyEvents)
    await server.receive(room, ...forks)
    expect(await extremities()).toHaveLength(25)
    await dummyEvents.consider(await current())
    expect(await server.store.jobs.listKeys('dummy-events', 10)).toEqual([`${room.nid}`])
    await dummyEvents.run({
      key: `${room.nid}`,
      payload: { room_nid: room.nid },
      progress: undefined,
      signal: AbortSignal.timeout(1e4),
    })
    expect((await extremities()).length).toBeLessThanOrEqual(10)
    const [dummy] = (await current()).head.extremities
    expect(dummy!.event.pdu).toMatchObject({ type: 'org.matrix.dummy_event', sender: alice, content: {} })
  })
})
