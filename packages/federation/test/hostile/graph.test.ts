import { addSignature, contentHash, type BuiltEvent, type EventReference, type Pdu } from '@hearth/rooms'
import { FakeNetwork, FakePeer, TestCa, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendTransaction, SharedRoom } from '../shared-room.ts'

// What a server can do with events whose places in the graph are wrong.

const network = new FakeNetwork()
let ca: TestCa
let server: TestServer
let peer: FakePeer
let alice: TestClient

beforeAll(async () => {
  ca = await TestCa.create()
  server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
  peer = await FakePeer.start({ ca, network, name: 'peer.test' })
  alice = await server.register('alice')
})

afterAll(async () => {
  await server.stop()
  await peer[Symbol.asyncDispose]()
  await ca[Symbol.asyncDispose]()
})

const madeUp = (count: number): string[] => Array.from({ length: count }, (_, i) => `$${String(i).padStart(43, 'x')}`)

/** Gives an event of room versions 1 and 2 an id of its server's own choice. */
function withId(room: SharedRoom, eventId: string, { pdu }: BuiltEvent): BuiltEvent {
  const renamed = { ...pdu, event_id: eventId, signatures: {} } as Pdu
  const hashed = { ...renamed, hashes: { sha256: contentHash(room.version, renamed) } }
  const signer = { serverName: peer.name, signingKey: peer.signingKey }
  return addSignature(room.version, { eventId: eventId as BuiltEvent['eventId'], pdu: hashed }, signer)
}

async function statusOf(room: SharedRoom, eventId: string): Promise<number> {
  const path = `rooms/${encodeURIComponent(room.id)}/event/${encodeURIComponent(eventId)}`
  return (await alice.request('GET', path)).status
}

/** The room goes on, in both directions, as if nothing had happened. */
async function expectUsable(room: SharedRoom): Promise<void> {
  const event = room.next({ content: { msgtype: 'm.text', body: 'still here' } })
  expect((await room.sendPdus(event.pdu)).results).toEqual({ [event.eventId]: {} })
  expect(await statusOf(room, event.eventId)).toBe(200)
  await alice.send(room.id, 'm.room.message', { msgtype: 'm.text', body: 'so am I' })
}

describe('events that refer to too much', () => {
  it.each<[string, (room: SharedRoom) => BuiltEvent]>([
    ['21 previous events', (room) => room.build({ prev_events: madeUp(21) as EventReference[] })],
    ['11 auth events', (room) => room.build({ auth_events: madeUp(11) as EventReference[] })],
    ['500 previous events', (room) => room.build({ prev_events: madeUp(500) as EventReference[] })],
  ])('[SEC-121] are dropped with %s, and nobody is asked for those', async (_, build) => {
    const room = await SharedRoom.create(alice, server, peer)
    const { length } = peer.requests
    const event = build(room)
    expect((await room.sendPdus(event.pdu)).status).toBe(200)
    expect(await statusOf(room, event.eventId)).toBe(404)
    expect(peer.requests.length - length).toBeLessThanOrEqual(1)
    await expectUsable(room)
  })

  it('[SEC-121] are not taken when they name an auth event twice', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const [first, ...rest] = room.build().pdu.auth_events
    const event = room.build({ auth_events: [first!, first!, ...rest] })
    expect((await room.sendPdus(event.pdu)).status).toBe(200)
    expect(await statusOf(room, event.eventId)).toBe(404)
    await expectUsable(room)
  })
})

describe('events whose servers choose their ids', () => {
  const reference = (eventId: string): EventReference =>
    [eventId, { sha256: 'x'.repeat(43) }] as unknown as EventReference

  it('[SEC-121] are not taken in a circle, and do not keep anybody busy', async () => {
    const room = await SharedRoom.create(alice, server, peer, { roomVersion: '1' })
    const [a, b, self] = ['$a:peer.test', '$b:peer.test', '$self:peer.test'] as const
    const circle = [
      withId(room, a, room.build({ prev_events: [reference(b)] })),
      withId(room, b, room.build({ prev_events: [reference(a)] })),
      withId(room, self, room.build({ prev_events: [reference(self)], auth_events: [reference(self)] })),
    ]
    expect((await room.sendPdus(...circle.map(({ pdu }) => pdu))).status).toBe(200)
    await expectUsable(room)
    for (const { eventId } of circle) expect(await statusOf(room, eventId)).toBe(404)
  })

  it('[SEC-126] are not replaced by others with their ids', async () => {
    const room = await SharedRoom.create(alice, server, peer, { roomVersion: '2' })
    const [first, second] = ['first', 'second'].map((body) =>
      withId(room, '$same:peer.test', room.build({ content: { msgtype: 'm.text', body } })),
    ) as [BuiltEvent, BuiltEvent]
    await room.sendPdus(first.pdu)
    await room.sendPdus(second.pdu)
    const path = `rooms/${encodeURIComponent(room.id)}/event/${encodeURIComponent(first.eventId)}`
    expect((await alice.get(path))['content']).toEqual({ msgtype: 'm.text', body: 'first' })
    await expectUsable(room)
  })
})

describe('events that would begin the room anew', () => {
  it.each(['1', '6', '11', '12'])('[SEC-132] are refused in room version %s', async (roomVersion) => {
    const room = await SharedRoom.create(alice, server, peer, { roomVersion })
    const create = {
      type: 'm.room.create',
      state_key: '',
      content: { room_version: roomVersion, creator: room.userId },
    }
    const again = room.build(create)
    const first = room.build({ ...create, prev_events: [], auth_events: [], depth: 1 })
    expect((await room.sendPdus(again.pdu, first.pdu)).status).toBe(200)
    const path = `rooms/${encodeURIComponent(room.id)}/state`
    const { text } = await alice.request('GET', path)
    const state = JSON.parse(text) as { type: string; sender: string }[]
    expect(state.find(({ type }) => type === 'm.room.create')?.sender).toBe(alice.userId)
    await expectUsable(room)
  })
})

describe('events before which there are others that nobody has', () => {
  it('do not have a server asked that is not in the room', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    await using outsider = await FakePeer.start({ ca, network, name: 'outsider.test' })
    const orphans = Array.from({ length: 5 }, (_, i) =>
      room.build({ prev_events: [`$${String(i).padStart(43, 'o')}`] as EventReference[] }),
    )
    expect((await sendTransaction(outsider, server, { pdus: orphans.map(({ pdu }) => pdu) })).status).toBe(200)
    await expectUsable(room)
    expect(outsider.requestsTo(/get_missing_events|state|event/)).toEqual([])
  })

  it('[SEC-122] have a server asked a bounded number of times, and the room goes on meanwhile', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    let fetched = 0
    // Each event that is asked for needs twenty more.
    const more = () =>
      room.build({
        prev_events: madeUp(20).map(
          (id) => `${id.slice(0, 30)}${String(fetched++).padStart(14, '0')}`,
        ) as EventReference[],
      }).pdu
    peer.on('POST', /get_missing_events/, () => ({ events: Array.from({ length: 20 }, more) }))
    peer.on('GET', /v1\/event\//, () => ({ origin: peer.name, pdus: [more()] }))
    const { length } = peer.requests
    const after = peer.requestsTo(/get_missing_events/).length
    const orphans = Array.from({ length: 20 }, more)
    expect((await room.sendPdus(...orphans)).status).toBe(200)
    await peer.nextRequestTo(/get_missing_events/, { after })
    for (let i = 0; i < 5; i++) await expectUsable(room)
    expect(peer.requests.length - length).toBeLessThanOrEqual(100)
  })
})
