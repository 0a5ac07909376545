import type { EventId } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { authorize, prevEventIds, resolveLoaded, stateTupleKey, type RoomEvent, type StateMap } from '../src/index.ts'
import { RandomDag } from './random-dag.ts'
import { RandomRoom } from './random-room.ts'
import { SeededRandom } from './seeded-random.ts'
import { SlowResolution } from '../../test-kit/src/simulation/slow-resolution.ts'
import { versionIds } from './test-room.ts'

const seeds = Array.from({ length: 10 }, (_, i) => i + 1)

/** A server that receives the events of a room in any order, and works out the state after each when it can. */
class Receiver {
  readonly states = new Map<EventId, StateMap>()
  readonly #dag: RandomDag
  readonly #random: SeededRandom
  readonly #events = new Map<EventId, RoomEvent>()
  #waiting: RoomEvent[] = []

  constructor(dag: RandomDag, random: SeededRandom) {
    this.#dag = dag
    this.#random = random
  }

  receive(event: RoomEvent): void {
    this.#waiting.push(event)
    for (let before = -1; before !== this.states.size;) {
      before = this.states.size
      this.#waiting = this.#waiting.filter((each) => !this.#process(each))
    }
  }

  stateAfter(ids: readonly EventId[]): StateMap {
    // Neither the order of the states nor that of their entries may make a difference.
    const states = shuffled(this.#random, ids).map((id) => new Map(shuffled(this.#random, [...this.states.get(id)!])))
    return resolveLoaded(this.#dag.version, states, (id) => this.#events.get(id))
  }

  #process(event: RoomEvent): boolean {
    if (this.states.has(event.eventId)) return true
    const previous = prevEventIds(event.pdu)
    if (!previous.every((id) => this.states.has(id))) return false
    const state = this.stateAfter(previous)
    const lookup = (type: string, stateKey: string) => this.#events.get(state.get(stateTupleKey(type, stateKey))!)
    expect(authorize(this.#dag.version, event, lookup)).toEqual({ allowed: true })

    const { type, state_key: stateKey } = event.pdu
    const entry: [string, EventId][] = stateKey === undefined ? [] : [[stateTupleKey(type, stateKey), event.eventId]]
    this.#events.set(event.eventId, event)
    this.states.set(event.eventId, new Map([...state, ...entry]))
    return true
  }
}

function isSame(a: StateMap, b: StateMap): boolean {
  return a.size === b.size && [...a].every(([key, id]) => b.get(key) === id)
}

/** The items in a random order (Fisher and Yates). */
function shuffled<T>(random: SeededRandom, items: readonly T[]): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.integer(0, i)
    ;[result[i], result[j]] = [result[j]!, result[i]!]
  }
  return result
}

describe.each(versionIds)('random rooms of version %s', (id) => {
  it('[SEC-244] come to the same state whatever the order in which events arrive', () => {
    for (const seed of seeds.slice(0, 5)) {
      const dag = new RandomDag(id, seed)
      const random = new SeededRandom(seed)
      const expected = dag.resolve(dag.heads)
      for (let order = 0; order < 17; order++) {
        const receiver = new Receiver(dag, random)
        const events = [...dag.events.values()]
        for (const event of shuffled(random, [...events, ...events.slice(-10)])) receiver.receive(event)
        expect(receiver.states.size).toBe(events.length)
        const differing = events.filter(
          ({ eventId }) => !isSame(receiver.states.get(eventId)!, dag.stateAfter(eventId)),
        )
        expect(differing).toEqual([])
        expect(receiver.stateAfter(dag.heads)).toEqual(expected)
      }
    }
  })

  it('resolve as the definitions say', () => {
    let conflicts = 0
    for (const seed of seeds) {
      const room = new RandomRoom(id, seed)
      const slow = new SlowResolution(room.version, room.events)
      for (const { states, resolved } of room.resolutions) {
        expect(slow.resolve(states)).toEqual(resolved)
        if (states.some((state) => !isSame(state, states[0]!))) conflicts++
      }
      const dag = new RandomDag(id, seed)
      const states = dag.heads.map((head) => dag.stateAfter(head))
      expect(new SlowResolution(dag.version, dag.events).resolve(states)).toEqual(dag.resolve(dag.heads))
    }
    expect(conflicts).toBeGreaterThan(seeds.length / 2)
  })

  it('resolve to the same state again', () => {
    for (const seed of seeds) {
      const { version, resolutions, event } = new RandomRoom(id, seed)
      for (const { states, resolved } of resolutions) {
        expect(resolveLoaded(version, [...states].reverse(), event)).toEqual(resolved)
        expect(resolveLoaded(version, [...states, ...states], event)).toEqual(resolved)
        expect(resolveLoaded(version, [resolved, resolved], event)).toEqual(resolved)
      }
    }
  })

  it('are the same for the same seed', () => {
    expect([...new RandomDag(id, 7).events]).toEqual([...new RandomDag(id, 7).events])
    expect([...new RandomDag(id, 7).events.keys()]).not.toEqual([...new RandomDag(id, 8).events.keys()])
  })
})
