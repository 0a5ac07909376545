import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packSnapshot, unpackSnapshot } from './packed-snapshot.ts'
import type { StateEntry } from './state-base.ts'
import { StateMap } from './state-map.ts'

/** Few types and keys, so that changes meet; nids on both sides of 2^32 and 2^40. */
const change = fc.record({
  typeNid: fc.integer({ min: 1, max: 4 }),
  stateKeyNid: fc.integer({ min: 1, max: 60 }),
  event: fc.option(fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 2 ** 31, max: 2 ** 41 })), {
    freq: 3,
  }),
})
const changes = fc.array(change, { maxLength: 200 })

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never
type Model = Map<string, StateEntry>

function applied(model: Model, list: readonly Change[]): Model {
  const next = new Map(model)
  for (const { typeNid, stateKeyNid, event } of list) {
    const key = `${typeNid} ${stateKeyNid}`
    if (event === null) next.delete(key)
    else next.set(key, { typeNid, stateKeyNid, nid: event })
  }
  return next
}

function sorted(model: Model): StateEntry[] {
  return [...model.values()].sort((a, b) => a.typeNid - b.typeNid || a.stateKeyNid - b.stateKeyNid)
}

/** Applies changes one by one, in groups and all at once. */
function grow(list: readonly Change[], groupSize: number, from: StateMap = StateMap.empty): StateMap {
  let state = from
  for (let i = 0; i < list.length; i += groupSize) state = state.withChanges(list.slice(i, i + groupSize))
  return state
}

describe('StateMap', () => {
  it('is a map, whatever way it was made', () => {
    fc.assert(
      fc.property(changes, fc.integer({ min: 1, max: 50 }), (list, groupSize) => {
        const model = applied(new Map(), list)
        const state = grow(list, groupSize)
        expect([...state.entries()]).toEqual(sorted(model))
        expect(state.size).toBe(model.size)
        for (let stateKeyNid = 0; stateKeyNid <= 61; stateKeyNid++) {
          expect(state.get(2, stateKeyNid)).toBe(model.get(`2 ${stateKeyNid}`)?.nid)
        }
        expect([...state.entriesOfType(3)]).toEqual(sorted(model).filter(({ typeNid }) => typeNid === 3))
      }),
    )
  })

  it('never changes', () => {
    const first = StateMap.of([{ typeNid: 1, stateKeyNid: 1, nid: 10 }])
    const second = first.with(1, 1, 11).with(2, 5, 12)
    expect([first.get(1, 1), first.size, second.get(1, 1), second.size]).toEqual([10, 1, 11, 2])
  })

  it('tells how another state differs, related to it or not', () => {
    fc.assert(
      fc.property(
        changes,
        changes,
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        (common, own, groupSize, related) => {
          const before = grow(common, groupSize)
          const after = grow(own, groupSize, related ? before : grow(common, 1000))
          const [a, b] = [applied(new Map(), common), applied(applied(new Map(), common), own)]
          const expected = [...new Set([...a.keys(), ...b.keys()])]
            .map((key) => ({ key, before: a.get(key)?.nid, after: b.get(key)?.nid }))
            .filter((difference) => difference.before !== difference.after)
          const found = before
            .diff(after)
            .map(({ typeNid, stateKeyNid, ...nids }) => ({ key: `${typeNid} ${stateKeyNid}`, ...nids }))
          const byKey = (x: { key: string }, y: { key: string }): number => (x.key < y.key ? -1 : 1)
          expect(found.sort(byKey)).toEqual(expected.sort(byKey))
        },
      ),
    )
  })

  it('survives being packed', () => {
    fc.assert(
      fc.property(changes, (list) => {
        const state = grow(list, 7)
        expect([...unpackSnapshot(packSnapshot(state)).entries()]).toEqual([...state.entries()])
      }),
    )
  })

  it('shares its base between versions, and a snapshot of it takes at most five bytes a member', () => {
    let nid = 5_000_000
    const members = Array.from({ length: 10_000 }, (_, i) => ({
      typeNid: 2,
      stateKeyNid: 1000 + i * 3,
      nid: 1 + Math.floor(Math.abs(Math.sin(i)) * nid),
    }))
    const room = StateMap.of(members)
    expect(packSnapshot(room).length).toBeLessThan(50_000)
    const versions = [room]
    for (let i = 0; i < 1000; i++) versions.push(versions.at(-1)!.with(2, 1000 + ((i * 7) % 10_000) * 3, ++nid))
    const bases = new Map(versions.map(({ base }) => [base, base.bytes]))
    const bytes = [...bases.values()].reduce((a, b) => a + b, 0) + versions.reduce((sum, v) => sum + v.ownBytes, 0)
    expect(bytes / versions.length).toBeLessThan(5_000)
  })
})
