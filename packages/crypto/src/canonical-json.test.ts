import type { JsonObject, JsonValue } from '@hearth/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from './canonical-json.ts'
import { writeCanonicalJson } from './canonical-json-writer.ts'
import { CanonicalJsonError } from './canonical-json-error.ts'

const parse = (text: string) => JSON.parse(text) as JsonValue
const canonicalOf = (text: string) => canonicalJson(parse(text))

/** The definition, word by word and slowly: keys sorted by their UTF-8 bytes. */
function reference(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value === 0 ? 0 : value)
  if (Array.isArray(value)) return `[${value.map(reference).join(',')}]`
  const keys = Object.keys(value).sort((a, b) => Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')))
  return `{${keys.map((key) => `${JSON.stringify(key)}:${reference(value[key]!)}`).join(',')}}`
}

const awkwardKey = fc.constantFrom(
  '10',
  '9',
  '0',
  '01',
  '',
  '__proto__',
  'constructor',
  'toJSON',
  'Ａ',
  '😀',
  '\uffff',
  'a"\\',
)
const key = fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), fc.string({ maxLength: 6 }), awkwardKey)
const { value: canonicalValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    // Made as JSON.parse makes it, so that `__proto__` is a key.
    fc.array(fc.tuple(key, tie('value')), { maxLength: 30 }).map(objectOf),
  ),
}))

function objectOf(entries: readonly (readonly [string, JsonValue])[]): JsonObject {
  const object: JsonObject = {}
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return object
}

describe('canonical JSON', () => {
  // {@link https://spec.matrix.org/v1.19/appendices/#examples}
  it.each([
    ['{}', '{}'],
    ['{ "one": 1, "two": "Two" }', '{"one":1,"two":"Two"}'],
    ['{ "b": "2", "a": "1" }', '{"a":"1","b":"2"}'],
    ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
    [
      `{"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {"display_name": "John Doe", "three_pids": [
        {"medium": "email", "address": "john.doe@example.org"}, {"medium": "msisdn", "address": "123456789"}]}}}`,
      '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[' +
        '{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
    ],
    ['{"a": "日本語"}', '{"a":"日本語"}'],
    ['{"本": 2, "日": 1}', '{"日":1,"本":2}'],
    ['{"a": "\\u65E5"}', '{"a":"日"}'],
    ['{"a": null}', '{"a":null}'],
    ['{"a": -0, "b": 1e10}', '{"a":0,"b":10000000000}'],
  ])('of %s is %s', (text, canonical) => {
    expect(canonicalOf(text)).toBe(canonical)
  })

  it('escapes control characters, quotes and backslashes, in the shortest way, and nothing else', () => {
    const controls = Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)).join('')
    const escapes =
      '\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f' +
      '\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f'
    const rest = '/\x7f\x80\u2028\u2029\ufeff\ufffe😀'
    expect(canonicalJson([controls, '"\\', rest])).toBe(`["${escapes}","\\"\\\\","${rest}"]`)
  })

  it('[SEC-8] keeps the keys __proto__, constructor and toJSON', () => {
    const text = '{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}},"toJSON":"x"}'
    expect(canonicalOf(text)).toBe(text)
    expect(canonicalOf('{"a":1,"__proto__":2}')).toBe('{"__proto__":2,"a":1}')
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  it('[SEC-9] orders keys by code point', () => {
    expect(canonicalOf('{"😀":1,"Ａ":2}')).toBe('{"Ａ":2,"😀":1}')
    expect(canonicalOf('[{"a":{"😀":1,"Ａ":2}}]')).toBe('[{"a":{"Ａ":2,"😀":1}}]')
    expect(canonicalOf('{"😀":1,"😁":2,"a":"Ａ","😀a":3}')).toBe('{"a":"Ａ","😀":1,"😀a":3,"😁":2}')
  })

  it('[SEC-10] orders keys that look like integers as text', () => {
    expect(canonicalOf('{"10":1,"9":2,"a":3}')).toBe('{"10":1,"9":2,"a":3}')
    expect(canonicalOf('{"b":{"2":1,"10":1,"1":1,"01":1},"a":1}')).toBe('{"a":1,"b":{"01":1,"1":1,"10":1,"2":1}}')
  })

  it('[SEC-2] refuses integers outside ±(2^53-1)', () => {
    expect(canonicalJson([2 ** 53 - 1, 1 - 2 ** 53])).toBe('[9007199254740991,-9007199254740991]')
    for (const integer of [2 ** 53, -(2 ** 53), 2 ** 63, 1e300]) {
      expect(() => canonicalJson({ a: [integer] })).toThrow(CanonicalJsonError)
    }
  })

  it('[SEC-4] refuses fractions and what is not finite', () => {
    for (const number of [1.5, -0.1, 5e-324, NaN, Infinity, -Infinity]) {
      expect(() => canonicalJson({ a: { b: number } })).toThrow(CanonicalJsonError)
    }
  })

  it('[SEC-12] refuses lone surrogates', () => {
    for (const text of ['\ud800', '\udc00', '\udc00\ud800', 'a\ud83db', '\ud83d\ud83d\ude00']) {
      expect(() => canonicalJson({ a: text })).toThrow(CanonicalJsonError)
      expect(() => canonicalJson({ [text]: 'a' })).toThrow(CanonicalJsonError)
    }
    expect(canonicalJson('\\ud800')).toBe('"\\\\ud800"')
  })

  it('refuses what is not JSON', () => {
    for (const value of [undefined, () => 1, Symbol('a'), 1n]) {
      expect(() => canonicalJson([value as unknown as JsonValue])).toThrow(CanonicalJsonError)
    }
  })

  it('leaves out members that are undefined', () => {
    expect(canonicalJson({ b: undefined, a: { c: undefined } })).toBe('{"a":{}}')
    expect(canonicalJson({ b: undefined, '1': { '😀': undefined } })).toBe('{"1":{}}')
  })

  it('[SEC-130] takes a depth of 100,000 and does not recurse', () => {
    const depth = 100_000
    for (const text of [
      '['.repeat(depth) + ']'.repeat(depth),
      '{"b":['.repeat(depth) + ']}'.repeat(depth),
      '['.repeat(200) + '😀'.length + ']'.repeat(200),
      '['.repeat(201) + ']'.repeat(201),
    ]) {
      expect(canonicalOf(text)).toBe(text)
    }
  })

  it('does not change what it is given', () => {
    fc.assert(
      fc.property(canonicalValue, (value) => {
        const before = JSON.stringify(value)
        canonicalJson(value)
        expect(JSON.stringify(value)).toBe(before)
      }),
    )
  })

  it('is what the definition says, by both ways of writing it', () => {
    fc.assert(
      fc.property(canonicalValue, (value) => {
        const expected = reference(value)
        expect(canonicalJson(value)).toBe(expected)
        expect(writeCanonicalJson(value, 'strict')).toBe(expected)
        expect(canonicalJson(value, { numbers: 'legacy' })).toBe(expected)
      }),
      { numRuns: 1000 },
    )
  })

  it('is the canonical JSON of what it parses to', () => {
    fc.assert(
      fc.property(canonicalValue, (value) => {
        const canonical = canonicalJson(value)
        expect(canonicalOf(canonical)).toBe(canonical)
        expect(Buffer.from(canonical, 'utf8').toString('utf8')).toBe(canonical)
      }),
    )
  })
})

describe('canonical JSON of room versions 1 to 5', () => {
  // What Python's json.dumps writes for the same numbers.
  it.each([
    [1.5, '1.5'],
    [-0.1, '-0.1'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [-0.000012345, '-1.2345e-05'],
    [1e-7, '1e-07'],
    [1.5e-10, '1.5e-10'],
    [5e-324, '5e-324'],
    [2 ** 53, '9007199254740992'],
    [1e21, '1e+21'],
    [-0, '0'],
  ])('writes %d as %s', (number, text) => {
    expect(canonicalJson({ a: number }, { numbers: 'legacy' })).toBe(`{"a":${text}}`)
  })

  it('refuses what is not finite', () => {
    for (const number of [NaN, Infinity]) {
      expect(() => canonicalJson(number, { numbers: 'legacy' })).toThrow(CanonicalJsonError)
    }
  })
})
