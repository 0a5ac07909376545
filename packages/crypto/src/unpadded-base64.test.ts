import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeUnpaddedBase64, decodeUrlSafe, encodeUnpaddedBase64, encodeUrlSafe } from './unpadded-base64.ts'

const bytes = fc.uint8Array({ maxLength: 70 })

describe('unpadded base64', () => {
  // {@link https://spec.matrix.org/v1.19/appendices/#unpadded-base64}
  it.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ])('of %j is %j', (text, encoded) => {
    expect(encodeUnpaddedBase64(Buffer.from(text))).toBe(encoded)
    expect(decodeUnpaddedBase64(encoded)?.toString()).toBe(text)
  })

  it('decodes to what was encoded, with padding or without', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        const encoded = encodeUnpaddedBase64(data)
        const padded = encoded.padEnd(Math.ceil(encoded.length / 4) * 4, '=')
        expect(encoded).not.toMatch(/=/)
        expect(decodeUnpaddedBase64(encoded)).toEqual(Buffer.from(data))
        expect(decodeUnpaddedBase64(padded)).toEqual(Buffer.from(data))
      }),
    )
  })

  it('encodes the part of a buffer that it is given', () => {
    expect(encodeUnpaddedBase64(new Uint8Array([0, 1, 2, 3]).subarray(1, 3))).toBe('AQI')
  })

  it.each([
    'Z',
    'Zm9vY',
    'Zg=',
    'Zm8==',
    'Zg===',
    'Z===',
    '=',
    'Z=g=',
    'Zm9v====',
    'Zm9v!',
    'Zm9\n',
    ' Zm9v',
    'Zm-_',
    'Zm9é',
  ])('[SEC-108] does not decode %j', (text) => {
    expect(decodeUnpaddedBase64(text)).toBeUndefined()
  })
})

describe('URL-safe unpadded base64', () => {
  it('is decoded to what was encoded', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expect(decodeUrlSafe(encodeUrlSafe(data))).toEqual(Buffer.from(data))
      }),
    )
  })

  it.each(['Zm+/', 'Zg==', 'Zm9\n', 'Z', 'Zh'])('does not decode %j, which is not how it would be encoded', (text) => {
    expect(decodeUrlSafe(text)).toBeUndefined()
  })
})
