import { describe, expect, it } from 'vitest'
import { bareEvent, testGraph } from '../../test/test-graph.ts'
import { mainlineOrder } from './mainline-order.ts'

/** Orders events by power levels, time and id. `times` names the events. */
function order(edges: Record<string, string>, powerLevels: string | undefined, times: Record<string, number>): string {
  const events = Object.entries(times).map(([id, ts]) => ({ id, event: bareEvent(id, { origin_server_ts: ts }) }))
  return mainlineOrder(testGraph(edges), powerLevels, events)
    .map(({ id }) => id)
    .join(' ')
}

describe('the mainline ordering', () => {
  // P4 is in force; Q-like forks are P5 and P6, which leave the mainline at P2.
  const mainline = { P2: 'P1', P3: 'P2', P4: 'P3', P5: 'P2', P6: 'P5' }

  it('puts events of older power levels first, whatever the time', () => {
    expect(order({ ...mainline, a: 'P4', b: 'P1', c: 'P2 x', d: '' }, 'P4', { a: 1, b: 3, c: 2, d: 4 })).toBe('d b c a')
  })

  it('puts events of forked power levels where the fork is', () => {
    expect(order({ ...mainline, a: 'P3', b: 'P6', c: 'P1' }, 'P4', { a: 1, b: 2, c: 3 })).toBe('c b a')
    expect(order({ ...mainline, a: 'P6', b: 'P2', c: 'P5' }, 'P4', { a: 3, b: 2, c: 1 })).toBe('c b a')
  })

  it('puts earlier events first, then smaller ids', () => {
    expect(order({ ...mainline, a: 'P2', b: 'P2', c: 'P2' }, 'P4', { c: 1, b: 1, a: 2 })).toBe('b c a')
  })

  it('is by time and id alone without power levels', () => {
    expect(order({ ...mainline, a: 'P2', b: '' }, undefined, { b: 2, a: 1, c: 3 })).toBe('a b c')
  })

  it('takes power levels themselves by those before them', () => {
    expect(order(mainline, 'P4', { P4: 1, P2: 2, P6: 3 })).toBe('P2 P6 P4')
  })

  it('[SEC-249] ends where power levels form a cycle', () => {
    const cycle = { P1: 'P3', P2: 'P1', P3: 'P2', a: 'P2', P8: 'P9', P9: 'P8', b: 'P8' }
    expect(order(cycle, 'P1', { b: 1, a: 1 })).toBe('b a')
  })
})
