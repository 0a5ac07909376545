import type { EventId } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import {
  authDifference,
  conflictedSubgraph,
  resolveLoaded,
  stateTupleKey,
  type AuthGraph,
  type RoomEvent,
  type RoomVersionId,
} from '../src/index.ts'
import { mainlineOrder } from '../src/state/mainline-order.ts'
import { BigRoom } from './big-room.ts'
import { bareEvent } from './test-graph.ts'
import { alice, bob, membership, powerLevels, publicRoom } from './test-history.ts'

const algorithms: readonly RoomVersionId[] = ['1', '2', '11', '12']

describe.each(algorithms)('a room of version %s with many members', (id) => {
  it('is resolved from few events', () => {
    const room = new BigRoom(id, { members: 10_000, conflicts: 20 })
    const { entries, loaded } = room.resolve()
    expect(entries).toHaveLength(21)
    expect(loaded).toBeLessThan(100)
  })

  it('is resolved in steps that grow with the room no faster than the room', () => {
    const small = new BigRoom(id, { members: 1_000, conflicts: 10 }).resolve()
    const large = new BigRoom(id, { members: 10_000, conflicts: 100 }).resolve()
    expect(large.lookups).toBeLessThan(10.5 * small.lookups)
    // The states themselves are not looked at, but for the auth difference once at each of their events.
    expect(large.lookups).toBeLessThan(10_000 + 100 * 200)
  })
})

describe('[SEC-249] an auth chain of 100,000 events', () => {
  const length = 100_000
  // Each event has the one before among its auth events, and the first.
  const graph: AuthGraph<number> = {
    authEventsOf: (id) => (id === 0 ? [] : [id - 1, 0]),
    isPowerLevels: (id) => id > 0,
  }

  it('has a difference, a subgraph and a mainline', () => {
    expect(authDifference(graph, { unconflicted: [0], conflicted: [[length], [length / 2]] }).size).toBe(length / 2)
    expect(conflictedSubgraph(graph, new Set([length, 1])).size).toBe(length)
    const events = [1, length / 2, length].map((id) => ({ id, event: bareEvent(`$${id}`) }))
    expect(mainlineOrder(graph, length, events).map(({ id }) => id)).toEqual([1, length / 2, length])
  })
})

describe.each(['11', '12'] as const)('[SEC-249] a long struggle in room version %s', (id) => {
  /** One branch has many power levels after one another, the other a ban. Returns who wins and the events looked up. */
  function struggle(length: number): { winner: string | undefined; lookups: number } {
    const room = publicRoom(id)
    room.add({ id: 'ban', ...membership(alice, 'ban', bob) })
    room.add({ id: 'power-0', ...powerLevels(room, alice, {}), after: ['join-charlie'] })
    const events = new Map<EventId, RoomEvent>(room.events)
    const first = room.events.get(room.id('power-0'))!
    for (let i = 1; i <= length; i++) {
      const authEvents = first.pdu.auth_events.map((each) => (each === '$power' ? room.id(`power-${i - 1}`) : each))
      const pdu = { ...first.pdu, auth_events: authEvents, origin_server_ts: i }
      events.set(room.id(`power-${i}`), { eventId: room.id(`power-${i}`), pdu })
    }
    const key = stateTupleKey('m.room.power_levels', '')
    const last = new Map([...room.stateAfter('power-0'), [key, room.id(`power-${length}`)]])
    let lookups = 0
    const resolved = resolveLoaded(room.version, [room.stateAfter('ban'), last], (eventId) => {
      lookups++
      return events.get(eventId)
    })
    return { winner: resolved.get(key), lookups }
  }

  it('is resolved, in linear time', () => {
    const [small, large] = [struggle(1_000), struggle(10_000)]
    expect(small.winner).toBe('$power-1000')
    expect(large.winner).toBe('$power-10000')
    expect(large.lookups).toBeLessThan(10.5 * small.lookups)
  })
})
