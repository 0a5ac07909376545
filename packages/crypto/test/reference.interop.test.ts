import type { JsonObject, JsonValue } from '@hearth/protocol'
import { Oracle } from '@hearth/test-kit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  canonicalJson,
  CanonicalJsonError,
  encodeUnpaddedBase64,
  parseSigningKey,
  signJson,
  VerifyKey,
  verifySignedJson,
  type CanonicalJsonOptions,
} from '../src/index.ts'

/** Against signedjson and canonicaljson, with Synapse's check of what may be in an event. */
describe('the reference implementation', () => {
  let oracle: Oracle
  beforeAll(async () => {
    oracle = await Oracle.start()
  })
  afterAll(() => oracle[Symbol.asyncDispose]())

  async function expectSameCanonicalJson(values: readonly JsonValue[], numbers: 'strict' | 'legacy'): Promise<void> {
    const texts = values.map((value) => JSON.stringify(value))
    const theirs = await oracle.ask<string>(
      'canonical_json',
      texts.map((text) => ({ text, numbers })),
    )
    for (const [index, text] of texts.entries()) {
      const answer = theirs[index]
      expect({ text, canonical: canonicalOrRefused(values[index]!, { numbers }) }).toEqual({
        text,
        canonical: answer?.error === undefined ? answer?.value : 'refused',
      })
    }
  }

  it('encodes and refuses the same values as canonical JSON', async () => {
    await expectSameCanonicalJson(fc.sample(value(anyNumber), { seed: 1, numRuns: 20_000 }), 'strict')
  })

  it('writes the same fractions, which events of room versions 1 to 5 may have', async () => {
    const fraction = fc.double({ noNaN: true, min: -1e15, max: 1e15 }).filter((number) => !Number.isInteger(number))
    await expectSameCanonicalJson(fc.sample(value(fraction), { seed: 2, numRuns: 5000 }), 'legacy')
  })

  it('makes the same signatures, which verify', async () => {
    const objects = fc.sample(fc.tuple(object(fc.maxSafeInteger()), fc.uint8Array({ minLength: 32, maxLength: 32 })), {
      seed: 3,
      numRuns: 1000,
    })
    const cases = objects.map(([signed, seed]) => ({
      object: signed,
      server: 'hs1.example.org',
      key_version: 'a_1',
      seed: encodeUnpaddedBase64(seed),
    }))
    const theirs = await oracle.ask<JsonObject>('sign_object', cases)
    for (const [index, { object: signed, server, seed }] of cases.entries()) {
      const key = parseSigningKey(`ed25519 a_1 ${seed}`)
      const ours = signJson(signed, server, key)
      expect({ value: ours }).toEqual(theirs[index])
      const answer = JSON.parse(JSON.stringify(ours)) as JsonObject
      const verifyKey = VerifyKey.import(key.publicKey)
      expect(verifySignedJson(answer, server, () => verifyKey)).toBe('valid')
    }
  })
})

const awkwardKey = fc.constantFrom(
  '10',
  '9',
  '01',
  '',
  '__proto__',
  'constructor',
  'Ａ',
  '😀',
  '\uffff',
  'a"\\',
  '\ud800',
)
const key = fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), fc.string({ maxLength: 6 }), awkwardKey)
const anyNumber = fc.oneof(
  { weight: 4, arbitrary: fc.maxSafeInteger() },
  { weight: 1, arbitrary: fc.double({ noDefaultInfinity: true, noNaN: true }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(2 ** 53 - 1, 2 ** 53, -(2 ** 53) + 1, -(2 ** 53), 1e16, 1e21, 0.5, -0),
  },
)

function value(number: fc.Arbitrary<number>): fc.Arbitrary<JsonValue> {
  const text = fc.oneof(
    { weight: 6, arbitrary: fc.string({ unit: 'binary' }) },
    { weight: 6, arbitrary: fc.string({ unit: 'grapheme' }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('\ud800', 'a\udfffb', '\ud83d\ude00', '\u2028\u007f\u0085', '\b\f\n\r\t\v'),
    },
  )
  return fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      text,
      number,
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 12 }).map(objectOf),
    ),
  })).value
}

function object(number: fc.Arbitrary<number>): fc.Arbitrary<JsonObject> {
  return fc.array(fc.tuple(fc.string({ maxLength: 6 }), wellFormed(value(number)))).map(objectOf)
}

/** Without lone surrogates, which cannot be signed. */
function wellFormed(values: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonValue> {
  return values.filter((candidate) => canonicalOrRefused(candidate, {}) !== 'refused')
}

/** Made as JSON.parse makes it, so that `__proto__` is a key. */
function objectOf(entries: readonly (readonly [string, JsonValue])[]): JsonObject {
  return Object.fromEntries(entries)
}

function canonicalOrRefused(candidate: JsonValue, options: CanonicalJsonOptions): string {
  try {
    return canonicalJson(candidate, options)
  } catch (error) {
    if (error instanceof CanonicalJsonError) return 'refused'
    throw error
  }
}
