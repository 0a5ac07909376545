import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findCoverage, requirementsPage, unknownIds, type Requirements } from './requirements-coverage.ts'

const requirements: Requirements = {
  documents: { C: 'Founding API' },
  areas: [{ document: 'C', area: 'Joining', requirements: { 'C-084': 'MUST', 'C-085': 'stated', 'C-086': 'MAY' } }],
  security: [{ area: 'Bodies', prefix: 'SEC-', digits: 1, cases: [1, 3] }],
  advisories: [{ area: 'Synapse', prefix: 'S-', digits: 2, cases: [1] }],
}

describe('the coverage of requirements', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'hearth-coverage-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const coverageOf = (...sources: string[]) => {
    const files = sources.map((_, index) => join(directory, `${index}.test.ts`))
    files.forEach((file, index) => writeFileSync(file, sources[index]!))
    return findCoverage(files)
  }

  it('is read from the names of tests, not from comments', () => {
    const coverage = coverageOf(
      "it('[C-084] joining twice is idempotent', () => {}) // [C-086]",
      "it.each([1])(`[C-084, C-085] %s`, () => {}); it('[SEC-1] refuses', () => {}); it('takes [a] and [1]', () => {})",
    )
    expect([...coverage.keys()].sort()).toEqual(['C-084', 'C-085', 'SEC-1'])
    expect(coverage.get('C-084')).toHaveLength(2)
  })

  it('names ids that nobody asked for', () => {
    expect(unknownIds(requirements, coverageOf("it('[C-84] [SEC-2] [SEC-3] [S-01]', () => {})"))).toEqual([
      'C-84',
      'SEC-2',
    ])
  })

  it('is written with totals, and with what has no test', () => {
    const page = requirementsPage(requirements, new Map([['C-085', ['a.test.ts', 'b.test.ts']]]))
    expect(page).toContain('| C: Founding API | 1 | 3 |\n')
    expect(page).toContain('### Joining: 1 of 3\n')
    expect(page).toContain('| C-085 | stated | a.test.ts, b.test.ts |\n')
    expect(page).toContain('Without a test: C-084, C-086\n')
    expect(page).toContain('Without a test: SEC-1, SEC-3\n')
  })
})
