import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { testGraph } from '../../test/test-graph.ts'
import { conflictedSubgraph } from './conflicted-subgraph.ts'

function subgraph(edges: Record<string, string>, conflicted: string[]): string[] {
  return [...conflictedSubgraph(testGraph(edges), new Set(conflicted))].sort()
}

describe('the conflicted state subgraph', () => {
  const chain = { B: 'A', C: 'B', D: 'C', E: 'D' }

  it('is what lies between conflicted events', () => {
    expect(subgraph(chain, ['B', 'D'])).toEqual(['B', 'C', 'D'])
    expect(subgraph(chain, ['A', 'E'])).toEqual(['A', 'B', 'C', 'D', 'E'])
    expect(subgraph(chain, ['C'])).toEqual(['C'])
    expect(subgraph(chain, [])).toEqual([])
  })

  it('takes all paths', () => {
    const diamond = { B: 'A', C: 'A', D: 'B C X', X: 'Y', E: 'D' }
    expect(subgraph(diamond, ['A', 'D'])).toEqual(['A', 'B', 'C', 'D'])
    expect(subgraph(diamond, ['A', 'E'])).toEqual(['A', 'B', 'C', 'D', 'E'])
  })

  it('takes paths through events that an earlier search has seen', () => {
    // From C to A, and from D over B to A.
    expect(subgraph({ B: 'A', C: 'A', D: 'B' }, ['A', 'C', 'D'])).toEqual(['A', 'B', 'C', 'D'])
    expect(subgraph({ A: 'Z', B: 'A', C: 'B', D: 'B' }, ['C', 'D', 'Z'])).toEqual(['A', 'B', 'C', 'D', 'Z'])
  })

  it('is what is reachable from one conflicted event and reaches another', () => {
    const graphs = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 25 })
    fc.assert(
      fc.property(graphs, fc.array(fc.nat(), { maxLength: 6 }), (links, picks) => {
        // An event refers to earlier ones only.
        const authEvents = links.map((targets, i) => (i === 0 ? [] : targets.map((target) => target % i)))
        const edges = Object.fromEntries(
          authEvents.map((targets, i) => [`e${i}`, targets.map((t) => `e${t}`).join(' ')]),
        )
        const conflicted = new Set(picks.map((pick) => `e${pick % links.length}`))

        const reached = (from: string): string[] =>
          [from, ...testGraph(edges).authEventsOf(from)].flatMap((id) => (id === from ? [id] : reached(id)))
        const below = new Set([...conflicted].flatMap(reached))
        const expected = [...below].filter((id) => reached(id).some((each) => conflicted.has(each)))
        expect(subgraph(edges, [...conflicted])).toEqual(expected.sort())
      }),
      { numRuns: 200 },
    )
  })

  it('[SEC-249] ends where auth events form a cycle', () => {
    expect(subgraph({ A: 'C', B: 'A', C: 'B' }, ['A'])).toContain('A')
  })
})
