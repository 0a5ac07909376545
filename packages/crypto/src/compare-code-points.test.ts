import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareCodePoints } from './compare-code-points.ts'

describe('compareCodePoints', () => {
  it('[SEC-245] orders as the bytes of UTF-8 do, not as a language does', () => {
    const texts = ['_', '-', 'a', 'A', 'ä', 'Ａ', '😀', '', 'aa', '\ue000', '\u{10ffff}']
    const expected = ['', '-', 'A', '_', 'a', 'aa', 'ä', '\ue000', 'Ａ', '😀', '\u{10ffff}']
    expect(texts.sort(compareCodePoints)).toEqual(expected)
  })

  it('agrees with the bytes of UTF-8', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '😁', '\u{10ffff}'),
    })
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
    )
  })
})
