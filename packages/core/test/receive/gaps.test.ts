import { RemoteError, ServerUnreachable } from '@hearth/federation-client'
import type { EventId, ServerName } from '@hearth/protocol'
import {
  prevEventIds,
  resolveLoaded,
  roomVersions,
  type RoomEvent,
  type RoomVersionId,
  type StateMap,
} from '@hearth/rooms'
import { eventFlags } from '@hearth/store'
import { createTestDatabase, ForeignRoom, SeededRandom, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RandomDag } from '../../../rooms/test/random-dag.ts'
import type { Room } from '../../src/index.ts'
import { PeerKeys, PeerServers, type RoomOfPeers } from './peer-servers.ts'
import { ReceivingServer } from './receiving-server.ts'

const ownName = 'hs1' as ServerName
const peer = 'hs2' as ServerName
const alice = '@alice:hs1'
const bob = '@bob:hs2'

let database: TestDatabase
let server: ReceivingServer
const keys = new PeerKeys()

beforeAll(async () => {
  database = await createTestDatabase()
  server = await ReceivingServer.start(database.url, ownName)
})

afterAll(async () => {
  await server.stop()
  await database.drop()
})

async function current(room: Room): Promise<Room> {
  return (await server.rooms.findByNid(room.nid))!
}

/** Whoever leaves the room: somebody of ours is in it. */
async function keepInside(room: Room): Promise<void> {
  await server.store.database.query(
    'test.keepInside',
    'update room_servers set joined = joined + 100 where room_nid = $1 and server_nid = $2',
    [room.nid, await server.store.servers.intern(ownName)],
  )
}

async function stagedIn(room: Room): Promise<{ id: EventId; failure: string | null }[]> {
  const rows = await server.store.database.query<{ id: Buffer; failure: string | null }>(
    'test.staged',
    'select event_id as id, failure from inbound_staging where room_nid = $1',
    [room.nid],
  )
  return rows.map(({ id, failure }) => ({ id: `$${id.toString('base64url')}` as EventId, failure }))
}

describe.each(Object.keys(roomVersions) as RoomVersionId[])(
  'a room of version %s of which not all is sent',
  (versionId) => {
    it.each([1, 2])('comes to the state that the algorithm gives, once the gaps are filled (seed %i)', async (seed) => {
      const dag = new RandomDag(versionId, seed, 60, `gaps${versionId}-${seed}`, keys.keyOf)
      const random = new SeededRandom(seed)
      const [create, ...events] = [...dag.events.values()]
      const room = await server.addRoom(dag.version, create!)
      await server.receive(room, ...events.splice(0, 8))
      await keepInside(room)
      const peers = new PeerServers({
        events: dag.events,
        stateBefore: (id) => dag.resolve([...prevEventIds(dag.events.get(id)!.pdu)]),
      })
      const { receivedPdus, gapFiller } = server.transactions(keys, peers)
      const sent = events.filter(({ eventId }) => dag.heads.includes(eventId) || random.chance(30))
      for (const { pdu } of sent) {
        const origin = pdu.sender.slice(pdu.sender.indexOf(':') + 1) as ServerName
        const outcomes = await receivedPdus.receive(origin, [pdu])
        expect([...outcomes.values()].filter(({ kind }) => kind === 'ignored')).toEqual([])
      }
      await gapFiller.settled()

      expect(await stagedIn(room)).toEqual([])
      const rows = await server.store.events.findByIds([...dag.events.keys()])
      expect(rows.filter(({ stateNid }) => stateNid !== null)).toHaveLength(dag.events.size)
      const refused = new Set(rows.filter(({ flags }) => flags !== 0).map(({ eventId }) => eventId))
      const extremities = extremitiesOf(dag.events, refused)
      const head = (await current(room)).head
      expect(new Set(head.extremities.map(({ event }) => event.eventId))).toEqual(new Set(extremities))
      expect(await server.currentState(await current(room))).toEqual(new Map(dag.resolve(extremities)))
      await gapFiller.stop()
    })
  },
)

/** The events that none comes after which was not refused. */
function extremitiesOf(events: ReadonlyMap<EventId, RoomEvent>, refused: ReadonlySet<EventId>): EventId[] {
  const before = (id: EventId): EventId[] =>
    prevEventIds(events.get(id)!.pdu).flatMap((prev) => (refused.has(prev) ? [prev, ...before(prev)] : [prev]))
  const accepted = [...events.keys()].filter((id) => !refused.has(id))
  const followed = new Set(accepted.flatMap(before))
  return accepted.filter((id) => !followed.has(id))
}

/** A room that is ours and bob's, in which he says a lot, changing the topic now and then. */
async function talkativeRoom(messages: number): Promise<{ foreign: ForeignRoom; room: Room; peers: PeerServers }> {
  const foreign = new ForeignRoom('10', {
    creator: alice,
    keys: new Map(['hs1', 'hs2'].map((name) => [name, keys.keyOf(name)])),
  })
  const levels = { users: { [alice]: 100, [bob]: 50 } }
  foreign.send({ type: 'm.room.power_levels', sender: alice, state_key: '', content: levels })
  foreign.send({ type: 'm.room.join_rules', sender: alice, state_key: '', content: { join_rule: 'public' } })
  foreign.send(foreign.member(bob, 'join'))
  const [create, ...first] = foreign.events
  const room = await server.addRoom(foreign.version, create!)
  await server.receive(room, ...first)
  for (let i = 1; i <= messages; i++) {
    if (i % 10 === 5) foreign.send({ type: 'm.room.topic', sender: bob, state_key: '', content: { topic: `${i}` } })
    else foreign.send({ type: 'm.room.message', sender: bob, content: { body: `${i}` } })
  }
  return { foreign, room, peers: new PeerServers(roomOf(foreign)) }
}

/** A room without forks. */
function roomOf(foreign: ForeignRoom): RoomOfPeers {
  const events = new Map(foreign.events.map((event) => [event.eventId, event as RoomEvent]))
  return {
    events,
    stateBefore(eventId): StateMap {
      const state = new Map<string, EventId>()
      for (const { eventId: id, pdu } of foreign.events) {
        if (id === eventId) break
        if (pdu.state_key !== undefined) state.set(`${pdu.type.length}:${pdu.type}:${pdu.state_key}`, id)
      }
      return resolveLoaded(foreign.version, [state], (id) => events.get(id))
    },
  }
}

describe('the gap before an event', () => {
  it('is filled from the newer side as far as is worth it, and beyond that the state is fetched', async () => {
    const { foreign, room, peers } = await talkativeRoom(150)
    const [known] = room.head.extremities
    const { receivedPdus, gapFiller } = server.transactions(keys, peers)
    const last = foreign.events.at(-1)!
    const outcomes = await receivedPdus.receive(peer, [last.pdu])
    expect(outcomes.get(last.eventId)).toEqual({ kind: 'staged' })
    await gapFiller.settled()

    const { head } = await current(room)
    // That one comes after the other is not known here.
    expect(head.extremities.map(({ event }) => event.eventId)).toEqual([known!.event.eventId, last.eventId])
    expect(await server.currentState(await current(room))).toEqual(
      new Map(foreign.state.map(({ eventId, pdu }) => [`${pdu.type.length}:${pdu.type}:${pdu.state_key}`, eventId])),
    )
    expect(peers.asked.filter((operation) => operation === 'getMissingEvents')).toHaveLength(5)
    const stored = await server.store.events.findByIds(foreign.events.map(({ eventId }) => eventId))
    const inTimeline = stored.filter(({ streamPos }) => streamPos !== null)
    expect(inTimeline.length).toBeGreaterThan(100)
    // Where history breaks off is known.
    const [gap] = await server.store.backwardExtremities.list(room.nid, 10)
    const oldest = foreign.events.findIndex(({ eventId }) => eventId === gap!.child)
    expect(gap!.missing).toBe(foreign.events[oldest - 1]!.eventId)
    await gapFiller.stop()
  })

  it('is filled by the server that has just sent the event, even while it is left alone because it failed', async () => {
    const { foreign, peers } = await talkativeRoom(5)
    const getMissingEvents = peers.getMissingEvents.bind(peers)
    peers.getMissingEvents = (...request) =>
      request[3]?.ignoreBackOff === true
        ? getMissingEvents(...request)
        : Promise.reject(new ServerUnreachable(peer, new Error('it failed a short time ago')))
    const { receivedPdus, gapFiller } = server.transactions(keys, peers)
    const last = foreign.events.at(-1)!
    await receivedPdus.receive(peer, [last.pdu])
    await gapFiller.settled()
    const [stored] = await server.store.events.findByIds([last.eventId])
    expect(stored?.streamPos).toBeGreaterThan(0)
    await gapFiller.stop()
  })

  it('is filled as far as a server goes back, and from there on with the state that it gives', async () => {
    const { foreign, room, peers } = await talkativeRoom(30)
    const getMissingEvents = peers.getMissingEvents.bind(peers)
    peers.getMissingEvents = (...request) =>
      peers.asked.length === 0
        ? getMissingEvents(...request)
        : Promise.reject(new RemoteError({ destination: peer, status: 404, errcode: 'M_UNRECOGNIZED', message: 'No' }))
    const { receivedPdus, gapFiller } = server.transactions(keys, peers)
    await receivedPdus.receive(peer, [foreign.events.at(-1)!.pdu])
    await gapFiller.settled()
    expect(await stagedIn(room)).toEqual([])
    const stored = await server.store.events.findByIds(foreign.events.slice(-21).map(({ eventId }) => eventId))
    expect(stored.filter(({ streamPos }) => streamPos !== null)).toHaveLength(21)
    await gapFiller.stop()
  })

  it('is filled with a state that a server gives only as a whole', async () => {
    const { foreign, room, peers } = await talkativeRoom(30)
    const refuse = () =>
      Promise.reject(new RemoteError({ destination: peer, status: 404, errcode: 'M_NOT_FOUND', message: 'No' }))
    const getMissingEvents = peers.getMissingEvents.bind(peers)
    peers.getMissingEvents = (...request) => (peers.asked.length === 0 ? getMissingEvents(...request) : refuse())
    peers.getEvent = refuse
    const { receivedPdus, gapFiller } = server.transactions(keys, peers)
    await receivedPdus.receive(peer, [foreign.events.at(-1)!.pdu])
    await gapFiller.settled()
    expect(await stagedIn(room)).toEqual([])
    expect(peers.asked).toContain('getState')
    await gapFiller.stop()
  })

  it('is left where a server tells no state but that before the event itself', async () => {
    const { foreign, room, peers } = await talkativeRoom(30)
    const last = foreign.events.at(-1)!
    const refuse = () =>
      Promise.reject(new RemoteError({ destination: peer, status: 403, errcode: 'M_FORBIDDEN', message: 'No' }))
    const [getMissingEvents, getStateIds] = [peers.getMissingEvents.bind(peers), peers.getStateIds.bind(peers)]
    peers.getMissingEvents = (...request) => (peers.asked.length === 0 ? getMissingEvents(...request) : refuse())
    peers.getStateIds = (...request) => (request[2] === last.eventId ? getStateIds(...request) : refuse())
    const { receivedPdus, gapFiller } = server.transactions(keys, peers)
    await receivedPdus.receive(peer, [last.pdu])
    await gapFiller.settled()
    expect(await stagedIn(room)).toEqual([])
    expect((await current(room)).head.extremities.map(({ event }) => event.eventId)).toContain(last.eventId)
    await gapFiller.stop()
  })

  it('is not skipped: an event whose previous ones nobody shows is not taken with a state that is only told', async () => {
    const { foreign, room, peers } = await talkativeRoom(2)
    peers.getMissingEvents = () => (peers.asked.push('getMissingEvents'), Promise.resolve([]))
    const { receivedPdus, gapFiller } = server.transactions(keys, peers)
    const last = foreign.events.at(-1)!
    await receivedPdus.receive(peer, [last.pdu])
    await gapFiller.settled()
    expect(await stagedIn(room)).toEqual([
      { id: last.eventId, failure: 'the server does not show the events before it' },
    ])
    expect(peers.asked).toEqual(['getMissingEvents'])
    await gapFiller.stop()
  })

  it('that cannot be filled holds up neither the room nor its transaction, and is given up at last', async () => {
    const { foreign, room, peers } = await talkativeRoom(3)
    const { receivedPdus, gapFiller } = server.transactions(keys, peers)
    const [hidden, orphan] = foreign.events.slice(-2)
    peers.withheld.add(hidden!.eventId)
    peers.withheld.add(orphan!.eventId)
    const before = foreign.events.at(-3)!
    await receivedPdus.receive(peer, [orphan!.pdu, before.pdu])
    await gapFiller.settled()
    expect(await stagedIn(room)).toEqual([{ id: orphan!.eventId, failure: 'Unknown event' }])
    // A message of ours still finds its place.
    const [sent] = await server.sender.send(await current(room), () => [
      { type: 'm.room.message', sender: alice as never, content: { body: 'hello' } },
    ])
    expect(sent!.existing).toBe(false)

    for (let attempt = 2; attempt <= 5; attempt++) {
      await server.store.database.query('test.hurry', 'update inbound_staging set retry_ts = 0 where room_nid = $1', [
        room.nid,
      ])
      gapFiller.wake(room.nid)
      await gapFiller.settled()
    }
    expect(await server.store.inboundStaging.listRoomsDue(Number.MAX_SAFE_INTEGER, 10)).not.toContain(room.nid)
    expect(await stagedIn(room)).toHaveLength(1)
    await gapFiller.stop()
  })

  it('[SEC-124] [S-26] gives nobody power: a state that a server invents for its event counts against the current one', async () => {
    const { foreign, room } = await talkativeRoom(1)
    const mallory = '@mallory:hs2'
    foreign.send(foreign.member(mallory, 'join'))
    await server.receive(room, ...foreign.events.slice(-2))
    const state = foreign.state.filter(({ pdu }) => pdu.type !== 'm.room.power_levels')
    const auth_events = state
      .filter(({ pdu }) => pdu.type === 'm.room.create' || pdu.state_key === mallory)
      .map(({ eventId }) => eventId)
    const excuse = foreign.build({
      type: 'm.room.message',
      sender: mallory,
      content: {},
      prev_events: ['$unheard-of' as EventId],
      auth_events,
    })
    const coup = foreign.build({
      type: 'm.room.power_levels',
      sender: mallory,
      state_key: '',
      content: { users: { [mallory]: 100 } },
      prev_events: [excuse.eventId],
      auth_events,
    })
    const invented = new Map(
      state.map(({ eventId, pdu }) => [`${pdu.type.length}:${pdu.type}:${pdu.state_key}`, eventId]),
    )
    const events = new Map([...foreign.events, excuse, coup].map((event) => [event.eventId, event as RoomEvent]))
    const peers = new PeerServers({ events, stateBefore: () => invented })
    peers.getMissingEvents = () => Promise.resolve([excuse.pdu])
    const { receivedPdus, gapFiller } = server.transactions(keys, peers)
    await receivedPdus.receive(peer, [coup.pdu])
    await gapFiller.settled()

    const [row] = await server.store.events.findByIds([coup.eventId])
    expect(row!.flags & (eventFlags.rejected | eventFlags.softFailed)).not.toBe(0)
    const levels = await server.events.findState((await current(room)).head.state, 'm.room.power_levels', '')
    expect(levels!.pdu.content).toEqual({ users: { [alice]: 100, [bob]: 50 } })
    await gapFiller.stop()
  })

  it('is not held open by outsiders: of their events few wait, and room is left for the others', async () => {
    const { foreign, room } = await talkativeRoom(0)
    const orphan = (sender: string, body: number) =>
      foreign.build(
        { type: 'm.room.message', sender, content: { body: `${body}` }, prev_events: ['$unheard-of' as EventId] },
        'hs2',
      )
    const { receivedPdus, gapFiller } = server.transactions(
      keys,
      new PeerServers({ events: new Map(), stateBefore: () => new Map() }),
    )
    const outsider = 'hs9' as ServerName
    const mine = Array.from({ length: 60 }, (_, i) => orphan(bob, i))
    const kinds = async (origin: ServerName, events: typeof mine) =>
      Map.groupBy(
        (
          await receivedPdus.receive(
            origin,
            events.map(({ pdu }) => pdu),
          )
        ).values(),
        ({ kind }) => kind,
      )
    const first = await kinds(outsider, mine)
    expect([first.get('staged')!.length, first.get('ignored')!.length]).toEqual([50, 10])
    expect((await kinds(peer, mine.slice(50))).get('staged')).toHaveLength(10)
    await gapFiller.settled()
    expect(await stagedIn(room)).toHaveLength(60)
    await gapFiller.stop()
  })

  it('[SEC-122] costs few requests however wide and deep it is', async () => {
    const { foreign, room, peers } = await talkativeRoom(0)
    const events = new Map<EventId, RoomEvent>()
    let level: EventId[] = []
    for (let depth = 0; depth < 10; depth++) {
      const built = Array.from({ length: 20 }, (_, i) =>
        foreign.build({
          type: 'm.room.message',
          sender: bob,
          content: { body: `${depth} ${i}` },
          prev_events: depth === 0 ? [`$x${i}` as EventId] : level,
        }),
      )
      for (const event of built) events.set(event.eventId, event)
      level = built.map(({ eventId }) => eventId)
    }
    const last = foreign.build({ type: 'm.room.message', sender: bob, content: {}, prev_events: level })
    const wide = new PeerServers({
      events: new Map([
        ...events,
        ...foreign.events.map((event) => [event.eventId, event] as const),
        [last.eventId, last],
      ]),
      stateBefore: () =>
        new Map(foreign.state.map(({ eventId, pdu }) => [`${pdu.type.length}:${pdu.type}:${pdu.state_key}`, eventId])),
    })
    const { receivedPdus, gapFiller } = server.transactions(keys, wide)
    await receivedPdus.receive(peer, [last.pdu])
    await gapFiller.settled()
    expect(wide.asked.length).toBeLessThanOrEqual(100)
    expect(peers.asked).toEqual([])
    expect((await current(room)).head.extremities.map(({ event }) => event.eventId)).toContain(last.eventId)
    await gapFiller.stop()
  })
})
