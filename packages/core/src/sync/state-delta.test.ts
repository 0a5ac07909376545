import { StateMap } from '@hearth/store'
import { describe, expect, it } from 'vitest'
import type { Window } from './room-window.ts'
import { StateDelta, type StateDeltaOptions, type WindowStates } from './state-delta.ts'

const name = 8
const member = 2
const shownIn = (nids: readonly number[], hasHoles: boolean): Window => ({
  events: nids.map((nid) => ({ nid })) as unknown as Window['events'],
  isLimited: false,
  start: 0,
  hasHoles,
})
const state = (...entries: [typeNid: number, stateKeyNid: number, nid: number][]) =>
  StateMap.of(entries.map(([typeNid, stateKeyNid, nid]) => ({ typeNid, stateKeyNid, nid })))
const nidsOf = (states: WindowStates, window: Window, options: Partial<StateDeltaOptions> = {}) =>
  new StateDelta(states, window, { isFull: false, isAfter: false, lazyTypeNid: undefined, ...options }).nids.sort(
    (a, b) => a - b,
  )

describe('the state that goes with a timeline', () => {
  const base = state([name, 1, 10], [member, 5, 11])
  const start = state([name, 1, 20], [member, 5, 11], [member, 6, 21])
  const end = state([name, 1, 30], [member, 5, 11], [member, 6, 31])

  it('is what changed up to its beginning', () => {
    expect(nidsOf({ base, start, end }, shownIn([30, 31], false))).toEqual([20, 21])
  })

  it('is all of it at its beginning for who has nothing', () => {
    expect(nidsOf({ base: undefined, start, end }, shownIn([30, 31], false))).toEqual([11, 20, 21])
  })

  it('is what changed up to its end for those who take no state from the timeline', () => {
    expect(nidsOf({ base, start, end }, shownIn([30, 31], false), { isAfter: true })).toEqual([30, 31])
  })

  it('has what came later and the timeline leaves out', () => {
    expect(nidsOf({ base, start, end }, shownIn([31], true))).toEqual([21, 30])
    expect(nidsOf({ base: start, start, end }, shownIn([], true))).toEqual([30, 31])
  })

  it('has no lazily loaded members but those that changed', () => {
    const lazy = { lazyTypeNid: member }
    expect(nidsOf({ base: undefined, start, end }, shownIn([], false), lazy)).toEqual([20])
    expect(nidsOf({ base, start, end }, shownIn([], false), { ...lazy, isFull: true })).toEqual([20, 21])
    expect(nidsOf({ base, start, end }, shownIn([], false), lazy)).toEqual([20, 21])
  })

  it('says nothing of keys that are gone', () => {
    expect(nidsOf({ base, start: state([member, 5, 11]), end: base }, shownIn([], false))).toEqual([])
  })
})
