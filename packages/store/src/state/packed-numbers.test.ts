import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PackedReader, PackedWriter } from './packed-numbers.ts'

const unsigned = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.maxSafeNat())
const signed = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }))

describe('packed numbers', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(unsigned, signed), { maxLength: 50 }), (pairs) => {
        const writer = new PackedWriter(1)
        for (const [a, b] of pairs) {
          writer.unsigned(a)
          writer.signed(b)
        }
        expect(writer.length).toBe(writer.bytes().length)
        const reader = new PackedReader(writer.bytes())
        const read: [number, number][] = []
        while (!reader.done) read.push([reader.unsigned(), reader.signed()])
        expect(read).toEqual(pairs)
      }),
    )
  })

  it('takes one byte up to 127 and one more for each seven bits', () => {
    const sizes = [0, 127, 128, 16_383, 16_384, 2 ** 40, Number.MAX_SAFE_INTEGER].map((value) => {
      const writer = new PackedWriter()
      writer.unsigned(value)
      return writer.length
    })
    expect(sizes).toEqual([1, 1, 2, 2, 3, 6, 8])
  })

  it('refuses bytes that end within a number', () => {
    expect(() => new PackedReader(Buffer.from([0x80, 0x80])).unsigned()).toThrow(RangeError)
  })
})
