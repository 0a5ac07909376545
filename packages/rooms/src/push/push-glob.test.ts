import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PushGlob } from './push-glob.ts'

/** The definition, tried out in every way. */
function fits(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  const [sign, rest] = [pattern[0]!, pattern.slice(1)]
  if (sign === '*') return fits(rest, text) || (text !== '' && fits(pattern, text.slice(1)))
  return text !== '' && (sign === '?' || sign === text[0]) && fits(rest, text.slice(1))
}

function isBoundary(text: string, index: number): boolean {
  return index < 0 || index >= text.length || !/[a-z0-9_]/.test(text[index]!)
}

function fitsWords(pattern: string, text: string): boolean {
  for (let start = 0; start <= text.length; start++) {
    if (!isBoundary(text, start - 1)) continue
    for (let end = start; end <= text.length; end++) {
      if (isBoundary(text, end) && fits(pattern, text.slice(start, end))) return true
    }
  }
  return false
}

const pattern = fc.array(fc.constantFrom('a', 'b', ' ', '*', '?', 'ab', 'aab'), { maxLength: 7 }).map((s) => s.join(''))
const text = fc.array(fc.constantFrom('a', 'b', ' ', '-'), { maxLength: 9 }).map((s) => s.join(''))

describe('PushGlob', () => {
  it('matches whole texts as the definition says', () => {
    fc.assert(
      fc.property(pattern, text, (glob, value) => {
        expect(new PushGlob(glob).matchesAll(value)).toBe(fits(glob, value))
      }),
      { numRuns: 2_000 },
    )
  })

  it('matches between the boundaries of words as the definition says', () => {
    fc.assert(
      fc.property(pattern, text, (glob, value) => {
        fc.pre(glob !== '')
        expect(new PushGlob(glob).matchesWords(value)).toBe(fitsWords(glob, value))
      }),
      { numRuns: 2_000 },
    )
  })

  it('finds long pieces with question marks', () => {
    const piece = `${'a'.repeat(40)}?${'b'.repeat(40)}`
    const glob = new PushGlob(`*${piece}*`)
    expect(glob.matchesAll(`xx${'a'.repeat(50)}c${'b'.repeat(50)}`)).toBe(true)
    expect(glob.matchesAll(`xx${'a'.repeat(39)}c${'b'.repeat(50)}`)).toBe(false)
  })

  it.each([
    ['ex*ple', 'an example event.', true],
    ['ex*ple', 'exple', true],
    ['ex*ple', 'an exciting triple-whammy', true],
    ['ex*ple', 'an examples', false],
    ['CAKE', 'there is cake!', true],
    ['cake', 'cheesecake', false],
    ['тест', 'это тест.', true],
    ['*', '', true],
    ['', '', true],
    ['', 'a b', false],
  ])('finds %j in %j: %s', (glob, body, found) => {
    expect(new PushGlob(glob).matchesWords(body)).toBe(found)
  })

  it.each([
    ['lunc?*', 'lunch plans', true],
    ['lunc?*', 'lunc', false],
    ['', '', true],
    ['', 'x', false],
    ['*', '', true],
    ['a*a', 'a', false],
  ])('%j matches all of %j: %s', (glob, value, found) => {
    expect(new PushGlob(glob).matchesAll(value)).toBe(found)
  })

  it('[S-40] takes one pass over the text, whatever the pattern', () => {
    const long = 'a'.repeat(65_000)
    const patterns = ['*a*a*a*a*a*a*b', `${'a*'.repeat(500)}b`, `${'a'.repeat(1_000)}b`, `${'a?'.repeat(500)}b`]
    // Any of them takes hours when it is tried in every way.
    for (const glob of patterns) {
      expect(new PushGlob(glob).matchesAll(long)).toBe(false)
      expect(new PushGlob(glob).matchesWords(long)).toBe(false)
    }
  })
})
