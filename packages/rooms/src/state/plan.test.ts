import { describe, expect, it } from 'vitest'
import { testGraph } from '../../test/test-graph.ts'
import { alice, bob, membership, publicRoom } from '../../test/test-history.ts'
import { versionsBetween } from '../../test/test-room.ts'
import { roomVersions } from '../room-versions.ts'
import { authGraphOf } from './auth-graph.ts'
import { planResolution, unconflictedNeeded } from './plan.ts'
import { stateTupleKey } from './resolve-loaded.ts'
import { resolveState } from './resolve.ts'
import { splitConflicted } from './split-conflicted.ts'

describe('the plan of a resolution', () => {
  // A and D are conflicted, C is only in one chain, and B lies between A and D but in all chains.
  const graph = testGraph({ B: 'A', C: 'X', D: 'B C', E: 'Y' })
  const conflict = { unconflicted: ['B'], conflicted: [['D'], ['A', 'E']] }

  it('is about the conflicted events in algorithm v1', () => {
    const plan = planResolution(roomVersions[1], conflict, graph)
    expect([...plan.fullConflicted].sort()).toEqual(['A', 'D', 'E'])
    expect([...plan.eventsNeeded].sort()).toEqual(['A', 'D', 'E'])
  })

  it('is about the auth difference as well in algorithm v2', () => {
    const plan = planResolution(roomVersions[2], conflict, graph)
    expect([...plan.fullConflicted].sort()).toEqual(['A', 'C', 'D', 'E', 'X', 'Y'])
    expect([...plan.eventsNeeded].sort()).toEqual(['A', 'B', 'C', 'D', 'E', 'X', 'Y'])
  })

  it('is about the subgraph as well in algorithm v2.1', () => {
    const plan = planResolution(roomVersions[12], conflict, graph)
    expect([...plan.fullConflicted].sort()).toEqual(['A', 'B', 'C', 'D', 'E', 'X', 'Y'])
  })

  it("takes the caller's own auth difference", () => {
    const plan = planResolution(roomVersions[2], conflict, { ...graph, authDifference: () => ['C'] })
    expect([...plan.fullConflicted].sort()).toEqual(['A', 'C', 'D', 'E'])
  })

  it('is empty without a conflict', () => {
    const plan = planResolution(roomVersions[12], { unconflicted: ['A', 'B'], conflicted: [[], []] }, graph)
    expect(plan.fullConflicted.size).toBe(0)
    expect(plan.eventsNeeded.size).toBe(0)
  })
})

describe.each(versionsBetween(1, 12))('a resolution in room version %s', (id) => {
  it('looks at no other events than those to be loaded', () => {
    const room = publicRoom(id)
    room.add({ id: 'ban', ...membership(alice, 'ban', bob) })
    room.add({ id: 'topic-bob', sender: bob, type: 'm.room.topic', after: ['join-charlie'] })
    room.add({ id: 'topic-alice', sender: alice, type: 'm.room.topic', after: ['join-charlie'] })
    const states = ['ban', 'topic-bob', 'topic-alice'].map((name) => room.stateAfter(name))
    const conflict = splitConflicted(room.version, states)
    const graph = authGraphOf((eventId) => room.events.get(eventId))
    const plan = planResolution(room.version, conflict, graph)

    const loaded = new Set(plan.eventsNeeded)
    const asked = new Set<string>()
    const source = {
      graph,
      event: (eventId: typeof room extends { id(name: string): infer Id } ? Id : never) => {
        asked.add(eventId)
        return loaded.has(eventId) ? room.events.get(eventId) : undefined
      },
      unconflicted: (type: string, stateKey: string) => conflict.unconflictedState.get(stateTupleKey(type, stateKey)),
    }
    for (const eventId of unconflictedNeeded(room.version, plan, source)) loaded.add(eventId)
    asked.clear()
    const entries = resolveState(room.version, plan, source)
    expect([...asked].filter((eventId) => !loaded.has(eventId as never))).toEqual([])

    const expected = room.resolveStates(states)
    for (const { type, stateKey, id: eventId } of entries) {
      expect(expected.get(stateTupleKey(type, stateKey))).toBe(eventId)
      expect(source.unconflicted(type, stateKey)).toBeUndefined()
    }
    expect(conflict.unconflictedState.size + entries.length).toBe(expected.size)
  })
})
