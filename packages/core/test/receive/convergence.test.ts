import type { EventId } from '@hearth/protocol'
import { prevEventIds, authEventIds, roomVersions, type RoomVersionId } from '@hearth/rooms'
import { createTestDatabase, SeededRandom, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RandomDag } from '../../../rooms/test/random-dag.ts'
import type { ResolvedMemberChange, Room } from '../../src/index.ts'
import { PlainRoom } from './plain-room.ts'
import { ReceivingServer } from './receiving-server.ts'

let database: TestDatabase
let server: ReceivingServer

beforeAll(async () => {
  database = await createTestDatabase()
  server = await ReceivingServer.start(database.url)
})

afterAll(async () => {
  await server.stop()
  await database.drop()
})

/** An order in which a server may receive the events: each comes after those that it names. */
function someOrder(dag: RandomDag, random: SeededRandom): EventId[] {
  const left = new Set(dag.events.keys())
  const order: EventId[] = []
  while (left.size > 0) {
    const ready = [...left].filter((id) => {
      const { pdu } = dag.events.get(id)!
      return ![...prevEventIds(pdu), ...authEventIds(pdu)].some((other) => left.has(other))
    })
    const next = random.pick(ready)
    left.delete(next)
    order.push(next)
  }
  return order
}

async function expectToBe(plain: PlainRoom, room: Room): Promise<void> {
  expect(new Set(room.head.extremities.map(({ event }) => event.eventId))).toEqual(plain.extremities)
  const expected = new Map(plain.currentState)
  expect(await server.currentState(room)).toEqual(expected)
  expect(await server.tabulatedState(room)).toEqual(expected)
}

describe.each(Object.keys(roomVersions) as RoomVersionId[])(
  'a room of version %s that other servers write',
  (versionId) => {
    it.each([1, 2, 3])('comes to the state that the algorithm gives, whatever the order (seed %i)', async (seed) => {
      const dag = new RandomDag(versionId, seed, 40, `v${versionId}-${seed}`)
      const random = new SeededRandom(seed)
      const [create, ...order] = someOrder(dag, random)
      const room = await server.addRoom(dag.version, dag.events.get(create!)!)
      const plain = new PlainRoom(dag, create!)
      // One by one, and several at once as a transaction has them.
      while (order.length > 0) {
        const together = order.splice(0, random.between(1, 6))
        const placements = await server.receive(room, ...together.map((id) => dag.events.get(id)!))
        for (const [index, eventId] of together.entries()) {
          plain.receive(eventId)
          expect(placements[index]!.kind).toBe(plain.softFailed.has(eventId) ? 'soft-failed' : 'accepted')
        }
        await expectToBe(plain, (await server.rooms.findByNid(room.nid))!)
      }
      await expectToBe(plain, await server.reload(room))
    })
  },
)

describe('the stream of a room that other servers write', () => {
  it.each([11, 12, 13, 14])(
    'tells of every membership that changes, however it comes about (seed %i)',
    async (seed) => {
      const dag = new RandomDag('12', seed, 60)
      const [create, ...order] = someOrder(dag, new SeededRandom(seed))
      const room = await server.addRoom(dag.version, dag.events.get(create!)!)
      const from = await server.store.streams.position()
      server.changes.length = 0
      for (const id of order) await server.receive(room, dag.events.get(id)!)
      const told = membershipsIn(server.changes)
      const current = await server.rooms.findByNid(room.nid)
      const members = [...(await server.currentState(current!))].flatMap(([, eventId]) => {
        const { pdu } = dag.events.get(eventId)!
        return pdu.type === 'm.room.member' ? [[pdu.state_key, pdu.content['membership']] as const] : []
      })
      expect(told).toEqual(new Map(members))

      // Another process reads the same.
      const other = await ReceivingServer.start(database.url)
      try {
        const upTo = await other.store.streams.position()
        const { changes } = await other.streamAfter(from, upTo)
        const ofRoom = <Each extends { kind: string }>(each: Each) => each.kind === 'member' || each.kind === 'event'
        expect(changes.filter(ofRoom).map(comparable)).toEqual(server.changes.filter(ofRoom).map(comparable))
      } finally {
        await other.stop()
      }
    },
  )
})

function membershipsIn(changes: typeof server.changes): Map<string, string> {
  const memberships = new Map<string, string>()
  for (const change of changes) {
    if (change.kind === 'event' && change.membership) {
      memberships.set(change.event.pdu.state_key!, change.membership.membership)
    } else if (change.kind === 'member') memberships.set(change.userId, change.membership)
  }
  return memberships
}

function comparable(change: (typeof server.changes)[number]): object {
  if (change.kind === 'member') return sorted(change)
  if (change.kind !== 'event') return change
  const { pos, nid, event, stateNid, currentStateNid, membership, replaced } = change
  const { previous, membership: now } = membership ?? {}
  return { pos, nid, id: event.eventId, stateNid, currentStateNid, previous, now, replaced: replaced?.eventId }
}

function sorted({ pos, nid, userId, membership, previous }: ResolvedMemberChange): object {
  return { pos, nid, userId, membership, previous }
}
