import type { EventId } from '@hearth/protocol'
import { referenceTo, roomVersions } from '@hearth/rooms'
import { createLogger, Metrics, SystemClock } from '@hearth/runtime'
import { Store } from '@hearth/store'
import { createTestDatabase, ForeignRoom, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OutlierIntake, RoomEvents, type OutlierRoom, type VerifiedEvent } from '../src/index.ts'

const logger = createLogger({ level: 'error', sink: { write: () => undefined, flush: () => undefined } })
let database: TestDatabase
let store: Store
let intake: OutlierIntake

beforeAll(async () => {
  database = await createTestDatabase()
  store = await Store.open({ url: database.url, logger })
  const events = new RoomEvents({ store, serverName: 'here.test', cacheBytes: 1_000_000, metrics: new Metrics() })
  intake = new OutlierIntake({ store, events, clock: new SystemClock() })
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

function verified(events: ForeignRoom['events']): VerifiedEvent[] {
  return events.map(({ json, ...event }) => ({ event, json }))
}

async function rowOf({ id, version }: ForeignRoom): Promise<OutlierRoom> {
  return { nid: (await store.rooms.intern(id, version.id)).nid, id, version }
}

/** A room with levels, an open door and a few members. */
function livelyRoom(version: string): ForeignRoom {
  const creator = '@creator:foreign.test'
  const room = new ForeignRoom(version)
  const users = room.version.creatorsHaveInfinitePower ? {} : { [creator]: 100 }
  room.send({ type: 'm.room.power_levels', sender: creator, state_key: '', content: { users } })
  room.send({ type: 'm.room.join_rules', sender: creator, state_key: '', content: { join_rule: 'public' } })
  for (const name of ['a', 'b', 'c']) room.send(room.member(`@${name}:elsewhere.test`, 'join'))
  return room
}

describe.each(Object.keys(roomVersions))('taking outliers of a room of version %s', (version) => {
  it('stores events after their auth events, in whatever order they come, and once', async () => {
    const room = livelyRoom(version)
    const row = await rowOf(room)
    const { stored, unjudged } = await intake.take(row, verified(room.events.toReversed()))
    expect(unjudged.size).toBe(0)
    expect([...stored.values()].filter(({ rejected }) => rejected)).toEqual([])
    expect((await intake.take(row, verified(room.events))).stored).toEqual(stored)
    const nids = room.state.map(({ eventId }) => stored.get(eventId)!.nid)
    const graph = await store.authGraphs.load(row.nid, nids)
    const chain = room.authChain.map(({ eventId }) => stored.get(eventId)!.nid)
    expect(graph.authChain(nids).sort()).toEqual(chain.sort())
  })

  it('rejects what its auth events do not allow, and what is allowed by something rejected', async () => {
    const room = livelyRoom(version)
    const row = await rowOf(room)
    const sender = '@a:elsewhere.test'
    const upstart = room.send({
      type: 'm.room.power_levels',
      sender,
      state_key: '',
      content: { users: { [sender]: 100 } },
    })
    const topic = room.send({ type: 'm.room.topic', sender, state_key: '', content: { topic: 'mine' } })
    const { stored, unjudged } = await intake.take(row, verified(room.events))
    expect(unjudged.size).toBe(0)
    const rejected = [...stored].flatMap(([eventId, taken]) => (taken.rejected ? [eventId] : []))
    expect(rejected.sort()).toEqual([upstart.eventId, topic.eventId].sort())
    const later = room.build({ type: 'm.room.topic', sender, state_key: '', content: { topic: 'still mine' } })
    expect((await intake.take(row, verified([later]))).stored.get(later.eventId)!.rejected).toBe(true)
  })

  it('judges nothing whose auth chain is incomplete, and takes it when the rest comes', async () => {
    const room = livelyRoom(version)
    const row = await rowOf(room)
    const levels = room.find('m.room.power_levels')!
    const lacking = room.events.filter((event) => event !== levels)
    const first = await intake.take(row, verified(lacking))
    const early = room.events.slice(0, 2).map(({ eventId }) => eventId)
    expect([...first.stored.keys()].sort()).toEqual(early.sort())
    for (const missing of first.unjudged.values()) expect(missing).toEqual([levels.eventId])
    const second = await intake.take(row, verified([levels, ...lacking]))
    expect(second.stored.size).toBe(room.events.length)
  })

  it('rejects what an event of another room is to authorize', async () => {
    const [room, other] = [livelyRoom(version), livelyRoom(version)]
    const row = await rowOf(room)
    await intake.take(row, verified(room.events))
    const member = '@a:elsewhere.test'
    const { stored } = await intake.take(await rowOf(other), verified(other.events))
    expect(stored.size).toBe(other.events.length)
    const topic = { type: 'm.room.topic', sender: member, state_key: '', content: { topic: 'forged' } }
    const forged = room.build({
      ...topic,
      auth_events: [referenceTo(room.version, other.find('m.room.member', member)!)],
    })
    const later = room.build({ ...topic, auth_events: [referenceTo(room.version, forged)] })
    const taken = await intake.take(row, verified([later, forged]))
    expect([...taken.stored.values()].map(({ rejected }) => rejected)).toEqual([true, true])
  })

  it('takes no event of another room', async () => {
    const [room, other] = [livelyRoom(version), livelyRoom(version)]
    const { stored, unjudged } = await intake.take(await rowOf(room), verified(other.events))
    expect(stored.size).toBe(0)
    expect(unjudged.size).toBe(other.events.length)
  })
})

it('takes no events that lead back to themselves', async () => {
  const room = livelyRoom('1')
  const [a, b] = ['$a:elsewhere.test', '$b:elsewhere.test'] as EventId[]
  const forged = (eventId: EventId, auth: EventId): VerifiedEvent => {
    const { pdu, json } = room.build({ type: 'm.room.topic', sender: '@a:elsewhere.test', state_key: '', content: {} })
    return { event: { eventId, pdu: { ...pdu, event_id: eventId, auth_events: [[auth, { sha256: '' }]] } }, json }
  }
  const { stored, unjudged } = await intake.take(await rowOf(room), [forged(a!, b!), forged(b!, a!)])
  expect(stored.size).toBe(0)
  expect([...unjudged.keys()].sort()).toEqual([a, b])
})
