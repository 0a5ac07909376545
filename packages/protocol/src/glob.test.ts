import { describe, expect, it } from 'vitest'
import { matchesGlob } from './glob.ts'

describe('matchesGlob', () => {
  it.each([
    ['*', '', true],
    ['*', 'anything', true],
    ['a*c', 'abbc', true],
    ['a*c', 'abbd', false],
    ['*.example.org', 'evil.example.org', true],
    ['*.example.org', 'example.org', false],
    ['1.?.3', '1.2.3', true],
    ['1.?.3', '1..3', false],
    ['a', 'ab', false],
    ['', '', true],
    ['?', '', false],
    ['a.c', 'abc', false],
    ['**b', 'aab', true],
  ])('%j on %j is %j', (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected)
  })

  it('takes time in proportion to the lengths for patterns made to be slow', () => {
    expect(matchesGlob(`${'*a'.repeat(100)}b`, 'a'.repeat(5_000))).toBe(false)
  })
})
