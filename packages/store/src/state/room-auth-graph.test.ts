import { authDifference, type AuthGraph, type StateConflict } from '@hearth/rooms'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RoomAuthGraph, type AuthGraphEvent } from './room-auth-graph.ts'

/** Acyclic graphs: the auth events of each event are among those before it. Nids are spread over both ranges. */
const graphs = fc
  .array(fc.record({ back: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }), outlier: fc.boolean() }), {
    maxLength: 80,
  })
  .map((nodes) => {
    const nids = nodes.map(({ outlier }, i) => (outlier ? 2 ** 40 + i : i + 1))
    return nodes.map(({ back }, i): AuthGraphEvent => ({
      nid: nids[i]!,
      typeNid: i % 5 === 0 ? 3 : 2,
      stateKeyNid: i % 10 === 0 ? 1 : 1000,
      auth: [...new Set(back.flatMap((distance) => nids[i - distance] ?? []))],
    }))
  })

/** The same graph, as simple as can be. */
function plain(events: readonly AuthGraphEvent[]): AuthGraph<number> {
  const byNid = new Map(events.map((event) => [event.nid, event]))
  return {
    authEventsOf: (nid) => byNid.get(nid)?.auth ?? [],
    isPowerLevels: (nid) => byNid.get(nid)?.typeNid === 3 && byNid.get(nid)?.stateKeyNid === 1,
  }
}

function subset(events: readonly AuthGraphEvent[], every: number, from: number): number[] {
  return events.filter((_, i) => i % every === from).map(({ nid }) => nid)
}

const ascending = (a: number, b: number): number => a - b

describe('RoomAuthGraph', () => {
  it('knows the auth events of each event, whatever order they came in', () => {
    fc.assert(
      fc.property(graphs, fc.boolean(), (events, reversed) => {
        const graph = RoomAuthGraph.of(reversed ? events.toReversed() : events)
        expect(graph.size).toBe(events.length)
        for (const event of events) {
          expect(graph.authEventsOf(event.nid).sort(ascending)).toEqual([...event.auth].sort(ascending))
          expect(graph.isPowerLevels(event.nid)).toBe(plain(events).isPowerLevels(event.nid))
        }
      }),
    )
  })

  it('finds the same auth difference as a plain search, for any number of states', () => {
    fc.assert(
      fc.property(graphs, fc.integer({ min: 1, max: 40 }), fc.boolean(), (events, states, reversed) => {
        const graph = RoomAuthGraph.of(reversed ? events.toReversed() : events)
        const conflict = (): StateConflict<number> => ({
          unconflicted: subset(events, 7, 3),
          conflicted: Array.from({ length: states }, (_, i) => subset(events, states + 2, i)),
        })
        const expected = [...authDifference(plain(events), conflict())].sort(ascending)
        expect(graph.authDifference(conflict()).sort(ascending)).toEqual(expected)
      }),
    )
  })

  it('finds whole auth chains', () => {
    fc.assert(
      fc.property(graphs, (events) => {
        const graph = RoomAuthGraph.of(events)
        const starts = subset(events, 5, 4)
        const chain = new Set<number>()
        const pending = [...starts]
        for (let nid = pending.pop(); nid !== undefined; nid = pending.pop()) {
          for (const auth of plain(events).authEventsOf(nid)) {
            if (chain.has(auth)) continue
            chain.add(auth)
            pending.push(auth)
          }
        }
        expect(graph.authChain(starts).sort(ascending)).toEqual([...chain].sort(ascending))
      }),
    )
  })

  it('grows, but not by an event whose auth events it lacks', () => {
    const graph = RoomAuthGraph.of([{ nid: 1, typeNid: 1, stateKeyNid: 1, auth: [] }])
    expect(graph.append({ nid: 2, typeNid: 2, stateKeyNid: 1000, auth: [1] })).toBe(true)
    expect(graph.append({ nid: 9, typeNid: 2, stateKeyNid: 1000, auth: [1, 8] })).toBe(false)
    expect([graph.has(2), graph.has(9), graph.size]).toEqual([true, false, 2])
  })

  it('has no trouble with a chain as long as the room is old', () => {
    const length = 100_000
    const events = Array.from({ length }, (_, i) => ({
      nid: i + 1,
      typeNid: 2,
      stateKeyNid: 1,
      auth: i === 0 ? [] : [i],
    }))
    const graph = RoomAuthGraph.of(events.toReversed())
    expect(graph.authChain([length])).toHaveLength(length - 1)
  })

  it('compares two states of 92,000 members over 200,000 events, at some tens of bytes an event', () => {
    const events = largeRoom(200_000)
    const graph = RoomAuthGraph.of(events)
    const unconflicted = events.slice(-92_000, -40).map(({ nid }) => nid)
    const [left, right] = [events.slice(-40, -20), events.slice(-20)].map((side) => side.map(({ nid }) => nid))
    const difference = graph.authDifference({ unconflicted, conflicted: [left!, right!] })
    const conflicting = new Set([...left!, ...right!])
    expect([...difference]).not.toHaveLength(0)
    expect([...difference].every((nid) => conflicting.has(nid))).toBe(true)
    expect(graph.bytes / graph.size).toBeLessThan(60)
  })
})

/** Members who join one after another under power levels that change now and then. */
function largeRoom(size: number): AuthGraphEvent[] {
  const events: AuthGraphEvent[] = [{ nid: 1, typeNid: 1, stateKeyNid: 1, auth: [] }]
  let powerLevels = 1
  for (let nid = 2; nid <= size; nid++) {
    const isPowerLevels = nid % 500 === 0
    events.push({
      nid,
      typeNid: isPowerLevels ? 3 : 2,
      stateKeyNid: isPowerLevels ? 1 : 1000 + nid,
      auth: [...new Set([1, powerLevels, ...(nid % 2 === 0 ? [nid - 1] : [])])],
    })
    if (isPowerLevels) powerLevels = nid
  }
  return events
}
