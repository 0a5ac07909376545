import { describe, expect, it } from 'vitest'

import { withFigures } from './documentation.ts'
import { formatNumber, rowsOf } from './report.ts'
import type { Report, ServerResult } from './report.ts'
import { markdownOf } from './table.ts'

const calibration = {
  cpu: 'EPYC',
  cores: 2,
  memoryGb: 24,
  node: 'v24.0.0',
  expressPutsPerSecond: 25_000,
  durableAppendsPerSecond: 9000,
}

function result(name: string, rounds: ServerResult['rounds'], failures: ServerResult['failures'] = []): ServerResult {
  return { name, version: '1', once: {}, rounds, failures }
}

function report(...servers: ServerResult[]): Report {
  return { at: '2026-01-02T03:04:05.000Z', scale: 'normal', calibration, servers }
}

describe('rowsOf', () => {
  it('has the median of the rounds and says which target it meets', () => {
    const [, row] = rowsOf(report(result('Hearth', [{ fanOutLast: 300 }, { fanOutLast: 100 }, { fanOutLast: 90 }])))
    expect(row?.slice(1)).toEqual(['ms', '100', '150 / 80 first met'])
  })

  it('says how many times better the first server is, for rates and for durations', () => {
    const ours = result('Hearth', [{ sendsDelivered: 3000, sendP50: 2 }])
    const theirs = result('Synapse', [{ sendsDelivered: 60, sendP50: 27 }])
    const ratios = rowsOf(report(ours, theirs)).map((row) => row[4])
    expect(ratios).toEqual(['ratio', '50×', '13.5×'])
  })

  it('sets beside the targets what they come to on a slower machine: rates less, durations more, sizes nothing', () => {
    const half = { ...calibration, expressPutsPerSecond: 10_000 }
    const measured = result('Hearth', [{ sendsDelivered: 1500, sendsAcknowledged: 1500, sendP50: 5, walPerMessage: 3 }])
    expect(rowsOf({ ...report(measured), calibration: half }).map((row) => row.slice(-2))).toEqual([
      ['target', 'target for this machine’s speed'],
      ['2,500 / 4,500 missed', '1,250 / 2,250 first met'],
      ['', ''],
      ['2.5 missed', ''],
      ['3 missed', '6 met'],
    ])
  })

  it('leaves out what nobody measured', () => {
    expect(rowsOf(report(result('Hearth', [{ login: 50 }])))).toHaveLength(2)
  })
})

describe('markdownOf', () => {
  it('names the scenarios that a server did not stand', () => {
    const failure = { scenario: 'fan-out', round: 2, reason: 'read ECONNRESET' }
    const text = markdownOf(report(result('Hearth', [{ login: 50 }]), result('Synapse', [{}], [failure])))
    expect(text).toContain('* Synapse failed fan-out in round 2: read ECONNRESET')
  })
})

describe('formatNumber', () => {
  it('keeps three digits', () => {
    expect([0, 0.01234, 1.005, 27.36, 512.4, 12345.6].map(formatNumber)).toEqual([
      '0',
      '0.0123',
      '1',
      '27.4',
      '512',
      '12,346',
    ])
  })
})

describe('withFigures', () => {
  const document =
    '# Benchmarks\n\nBefore.\n\n<!-- figures: written by npm run bench -- --write-docs -->\nold\n<!-- end of figures -->\n\nAfter.\n'

  it('replaces the figures and keeps what is written around them', () => {
    const figures = markdownOf(report(result('Hearth', [{ login: 50 }])))
    const written = withFigures(document, figures)
    expect(written).toContain('| login with a password, p50 | ms | 50 | 60 met |')
    expect(written).not.toContain('old')
    expect(written.startsWith('# Benchmarks\n\nBefore.\n')).toBe(true)
    expect(written.endsWith('<!-- end of figures -->\n\nAfter.\n')).toBe(true)
    expect(withFigures(written, figures)).toBe(written)
  })

  it('refuses a document without the marks', () => {
    expect(() => withFigures('# Benchmarks\n', 'figures')).toThrow('marks')
  })
})
