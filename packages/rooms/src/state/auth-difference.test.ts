import { describe, expect, it } from 'vitest'
import { testGraph } from '../../test/test-graph.ts'
import { authDifference } from './auth-difference.ts'

//       A <- B <- C <- D        E <- F
const graph = testGraph({ B: 'A', C: 'B', D: 'C', E: 'A', F: 'E B' })

function difference(unconflicted: string[], ...conflicted: string[][]): string[] {
  return [...authDifference(graph, { unconflicted, conflicted })].sort()
}

describe('the auth difference', () => {
  it('is what is in some chain but not in all', () => {
    expect(difference([], ['D'], ['F'])).toEqual(['C', 'D', 'E', 'F'])
    expect(difference([], ['D'], ['B'])).toEqual(['C', 'D'])
    expect(difference([], ['D'], ['F'], ['B'])).toEqual(['C', 'D', 'E', 'F'])
    expect(difference([], ['D', 'F'], ['F', 'D'])).toEqual([])
  })

  it('leaves out what the unconflicted events lead to', () => {
    expect(difference(['C'], ['D'], ['F'])).toEqual(['D', 'E', 'F'])
    expect(difference(['E'], ['D'], ['F'])).toEqual(['C', 'D', 'F'])
    expect(difference(['D', 'F'], ['D'], ['F'])).toEqual([])
  })

  it('takes states without conflicted events', () => {
    expect(difference([], ['B'], [])).toEqual(['A', 'B'])
    expect(difference(['A'], ['B'], [])).toEqual(['B'])
    expect(difference([])).toEqual([])
  })

  it('takes events that nothing is known of', () => {
    expect(difference([], ['unknown'], ['B'])).toEqual(['A', 'B', 'unknown'])
  })

  it('[SEC-249] ends where auth events form a cycle', () => {
    const cyclic = testGraph({ A: 'C', B: 'A', C: 'B', D: 'D' })
    expect([...authDifference(cyclic, { unconflicted: [], conflicted: [['C'], ['D']] })].sort()).toEqual([
      'A',
      'B',
      'C',
      'D',
    ])
  })
})
