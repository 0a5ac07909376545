import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson, parseJsonText, type JsonTextLimits } from './json-text.ts'

const parse = (text: string, limits?: JsonTextLimits) => parseJson(Buffer.from(text, 'utf8'), limits)
const refusal = (errcode: string) => expect.objectContaining({ name: 'MatrixError', errcode, status: 400 }) as Error
const notJson = refusal('M_NOT_JSON')
const badJson = refusal('M_BAD_JSON')

describe('parseJson', () => {
  it('gives what JSON.parse gives for whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary', maxDepth: 6 }), fc.constantFrom(0, 2), (text, indent) => {
        const value: unknown = JSON.parse(text)
        fc.pre(!/\d{15}/.test(text))
        expect(parse(JSON.stringify(value, null, indent))).toEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  it.each(['[]', '"x"', 'null', 'true', '0', ' {} ', '[1,[2,{"a":{}}]]'])(
    'takes %s, whatever the caller makes of it',
    (text) => {
      expect(parse(text)).toEqual(JSON.parse(text))
    },
  )

  it.each([
    '',
    ' ',
    '{',
    '{}{}',
    "{'a':1}",
    '{"a":1,}',
    '[1,]',
    '01',
    '+1',
    '.5',
    '"\t"',
    '"\\x"',
    '// c',
    'undefined',
  ])('refuses %j, which is not JSON', (text) => {
    expect(() => parse(text)).toThrow(notJson)
  })

  it('does not quote what it refuses', () => {
    expect(() => parse('{"password":hunter2}')).toThrow(expect.objectContaining({ message: 'The content is not JSON' }))
  })

  it('[SEC-1] refuses bytes that are not UTF-8', () => {
    for (const bytes of [[0x81], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
      expect(() => parseJson(Buffer.from([0x22, ...bytes, 0x22]))).toThrow(notJson)
    }
    expect(() => parseJson(Buffer.from('{"a":1}', 'utf16le'))).toThrow(notJson)
  })

  it('[SEC-2] refuses integers outside ±(2^53-1) by their text', () => {
    expect(parse('[9007199254740991,-9007199254740991]')).toEqual([2 ** 53 - 1, 1 - 2 ** 53])
    for (const integer of ['9007199254740992', '9007199254740993', '9223372036854775807', `1${'0'.repeat(400)}`]) {
      expect(() => parse(`{"n":${integer}}`)).toThrow(badJson)
      expect(() => parse(`{"n":-${integer}}`)).toThrow(badJson)
      expect(() => parse(integer)).toThrow(badJson)
      expect(parse(`{"n":"${integer}"}`)).toEqual({ n: integer })
    }
  })

  it('[SEC-4] refuses numbers that become Infinity', () => {
    expect(() => parse('{"n":1e400}')).toThrow(badJson)
    expect(() => parse('[-1E+400]')).toThrow(badJson)
    expect(() => parse(`[1${'0'.repeat(400)}.5]`)).toThrow(badJson)
  })

  it('[SEC-5] refuses NaN and Infinity', () => {
    for (const name of ['NaN', 'Infinity', '-Infinity']) expect(() => parse(`{"n":${name}}`)).toThrow(notJson)
  })

  it('takes fractions, which account data may hold', () => {
    expect(parse('[1.5,-0.25,1e2,1E-2,1.5e+3,25000000000000000000000.0]')).toEqual([
      1.5, -0.25, 100, 0.01, 1500, 2.5e22,
    ])
  })

  it('[SEC-6] refuses an empty body and a byte order mark', () => {
    expect(() => parse('')).toThrow(notJson)
    expect(() => parse('\ufeff{}')).toThrow(badJson)
    expect(parse('"\ufeff"')).toBe('\ufeff')
  })

  it('[SEC-8] keeps __proto__ and constructor as keys like any other', () => {
    const text = '{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}'
    const value = parse(text)
    expect(JSON.stringify(value)).toBe(text)
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor'])
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  it('[SEC-12] refuses lone surrogates, escaped too', () => {
    for (const string of [
      '\\ud800',
      '\\uDC00',
      '\\ud800\\ud800',
      '\\ud83dx',
      '\\ud83d\\n',
      'a\\\\\\ud800',
      '\\ude00\\ud83d',
    ]) {
      expect(() => parse(`{"a":"${string}"}`)).toThrow(badJson)
      expect(() => parse(`{"${string}":1}`)).toThrow(badJson)
    }
    expect(parse('["\\ud83d\\ude00","\\uD83D\\uDE00x","\\\\ud800","😀"]')).toEqual(['😀', '😀x', '\\ud800', '😀'])
    expect(() => parseJsonText('"\ud800"')).toThrow(badJson)
  })

  it.each([
    '{"a":1,"a":1}',
    '{"a":{"b":1},"a":{"c":1,"d":2}}',
    '[[{"x":{"a":1,"b":2,"a":3}}]]',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"1":1,"1":1}',
    '{"":1,"":1}',
  ])('refuses %s with a key that is there twice', (text) => {
    expect(() => parse(text)).toThrow(badJson)
  })

  it('takes a key again in another object, and a colon in a string', () => {
    expect(parse('{"a":{"a":[{"a":":"},{"a":"\\":"}]}}')).toEqual({ a: { a: [{ a: ':' }, { a: '":' }] } })
  })

  it('finds every key that is there twice, and no other', () => {
    const members = fc.array(fc.tuple(fc.constantFrom('a', 'b', '__proto__', '7', 'é"'), fc.json({ maxDepth: 2 })))
    fc.assert(
      fc.property(members, (entries) => {
        const text = `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`
        fc.pre(!/\d{15}/.test(text))
        const isUnique = new Set(entries.map(([key]) => key)).size === entries.length
        if (isUnique) parse(text)
        else expect(() => parse(text)).toThrow(badJson)
      }),
    )
  })

  it('answers anything at all with a value or a refusal', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '\\',
      '\\u',
      'd800',
      '1',
      '-',
      '.',
      'e',
      '9'.repeat(17),
      'null',
      ' ',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((pieces) => Buffer.from(pieces.join(''))),
          fc.uint8Array(),
        ),
        (bytes) => {
          try {
            parseJson(bytes)
          } catch (error) {
            expect(error).toMatchObject({ name: 'MatrixError', status: 400 })
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('limits the depth to 64 unless told otherwise', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    parse(nested(64))
    expect(() => parse(nested(65))).toThrow(badJson)
    expect(() => parse(`{"a":${nested(64)}}`)).toThrow(badJson)
    parse(`[${'[],'.repeat(100)}0]`)
    expect(() => parse('[[]]', { maxDepth: 1 })).toThrow(badJson)
  })

  it('[SEC-130] takes a depth of 200,000 if asked to, and does not recurse', () => {
    const depth = 200_000
    parse('['.repeat(depth) + ']'.repeat(depth), { maxDepth: Infinity })
    parse('{"a":'.repeat(depth) + '0' + '}'.repeat(depth), { maxDepth: Infinity })
  })

  it('lets U+0000 through in a string unless told otherwise', () => {
    expect(parse('{"a":"\\u0000"}')).toEqual({ a: '\0' })
    expect(() => parse('{"a":"\\u0000"}', { nul: 'refuse' })).toThrow(badJson)
    expect(() => parse('{"\\u0000":1}', { nul: 'refuse' })).toThrow(badJson)
    expect(parse('"\\\\u0000"', { nul: 'refuse' })).toBe('\\u0000')
  })

  it('[SEC-257] takes time linear in the length, whatever the content', () => {
    const texts = {
      integerKeys: (n: number) => `{${Array.from({ length: n }, (_, i) => `"${i * 7}":0`).join(',')}}`,
      escapes: (n: number) => `["${'\\n'.repeat(n)}"]`,
      escapeEach: (n: number) => `[${'"\\n",'.repeat(n)}0]`,
      lateEscape: (n: number) => `[${'"a",'.repeat(n)}"\\n"]`,
      digits: (n: number) => `[${'1.5e1,'.repeat(n)}0]`,
      nested: (n: number) => '['.repeat(n) + ']'.repeat(n),
    }
    for (const make of Object.values(texts)) {
      const time = (text: string) => {
        // Of the processor, not of the clock: others use the machine as well.
        const start = process.cpuUsage()
        parse(text, { maxDepth: Infinity })
        const { user, system } = process.cpuUsage(start)
        return (user + system) / 1_000
      }
      time(make(20_000))
      const short = Math.min(time(make(20_000)), time(make(20_000)), time(make(20_000)))
      const long = Math.min(time(make(200_000)), time(make(200_000)))
      // Ten times the length; the rest is for caches that others use meanwhile.
      expect(long).toBeLessThan(short * 60 + 20)
    }
  })
})
