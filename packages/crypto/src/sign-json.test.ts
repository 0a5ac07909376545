import type { JsonObject } from '@hearth/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CanonicalJsonError } from './canonical-json-error.ts'
import { signableJson, signJson, verifySignedJson, verifySignedJsonInPool } from './sign-json.ts'
import { generateSigningKey, parseSigningKey } from './signing-key.ts'
import { VerifyKey } from './verify-key.ts'

// {@link https://spec.matrix.org/v1.19/appendices/#cryptographic-test-vectors}
const key = parseSigningKey('ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1')
const verifyKey = VerifyKey.import(key.publicKey)!
const findKey = (keyId: string) => (keyId === 'ed25519:1' ? verifyKey : undefined)

const emptySigned = {
  signatures: {
    domain: { 'ed25519:1': 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ' },
  },
}
const dataSigned = {
  one: 1,
  signatures: {
    domain: { 'ed25519:1': 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw' },
  },
  two: 'Two',
}

describe('signJson', () => {
  it('gives the signatures of the specification', () => {
    expect(signJson({}, 'domain', key)).toEqual(emptySigned)
    expect(signJson({ one: 1, two: 'Two' }, 'domain', key)).toEqual(dataSigned)
  })

  // The redacted forms of the events, with their hashes: what an event's signature covers.
  it.each([
    {
      signature: 'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
      redacted: {
        auth_events: [],
        content: {},
        depth: 3,
        hashes: { sha256: '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos' },
        origin: 'domain',
        origin_server_ts: 1000000,
        prev_events: [],
        room_id: '!x:domain',
        sender: '@a:domain',
        signatures: {},
        type: 'X',
        unsigned: { age_ts: 1000000 },
      },
    },
    {
      signature: 'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
      redacted: {
        content: {},
        event_id: '$0:domain',
        hashes: { sha256: 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g' },
        origin: 'domain',
        origin_server_ts: 1000000,
        type: 'm.room.message',
        room_id: '!r:domain',
        sender: '@u:domain',
        signatures: {},
        unsigned: { age_ts: 1000000 },
      },
    },
  ])('gives the signatures of the events of the specification', ({ redacted, signature }) => {
    const signed = signJson(redacted, 'domain', key)
    expect(signed).toEqual({ ...redacted, signatures: { domain: { 'ed25519:1': signature } } })
  })

  it('keeps unsigned and the signatures that are there, and changes nothing it was given', () => {
    const unsigned = { age_ts: 922834800000 }
    const object = {
      one: 1,
      two: 'Two',
      unsigned,
      signatures: { domain: { 'ed25519:0': 'b' }, other: { 'ed25519:1': 'a' } },
    }
    const before = structuredClone(object)
    expect(signJson(object, 'domain', key)).toEqual({
      ...dataSigned,
      unsigned,
      signatures: { domain: { 'ed25519:0': 'b', ...dataSigned.signatures.domain }, other: { 'ed25519:1': 'a' } },
    })
    expect(object).toEqual(before)
  })

  it('replaces signatures that are no object', () => {
    for (const signatures of [null, [], 'x', { domain: 'x' }, { domain: [] }]) {
      expect(signJson({ signatures }, 'domain', key)).toEqual(emptySigned)
    }
  })

  it('[SEC-8] signs a key __proto__ as any other', () => {
    const object = JSON.parse('{"__proto__":{"x":1},"unsigned":{}}') as JsonObject
    expect(signableJson(object)).toBe('{"__proto__":{"x":1}}')
    const signed = signJson(object, '__proto__', key)
    expect(Object.keys(signed)).toEqual(['__proto__', 'unsigned', 'signatures'])
    expect(verifySignedJson(signed, '__proto__', findKey)).toBe('valid')
  })

  it('refuses what has no canonical form', () => {
    expect(() => signJson({ a: 1.5 }, 'domain', key)).toThrow(CanonicalJsonError)
    expect(signJson({ a: 1.5 }, 'domain', key, { numbers: 'legacy' }).signatures).toBeDefined()
  })
})

describe('verifySignedJson', () => {
  it('takes what signJson signed, in any order of keys and with anything unsigned', async () => {
    const reordered: JsonObject = { two: 'Two', unsigned: { a: 1.5 }, signatures: dataSigned.signatures, one: 1 }
    expect(verifySignedJson(reordered, 'domain', findKey)).toBe('valid')
    expect(await verifySignedJsonInPool(reordered, 'domain', findKey)).toBe('valid')
  })

  it.each<[string, JsonObject, string]>([
    ['has no signatures', { one: 1 }, 'unsigned'],
    ['has signatures that are no object', { signatures: [] }, 'unsigned'],
    ['has one of another entity only', { signatures: { other: dataSigned.signatures.domain } }, 'unsigned'],
    ['has one that is no object', { signatures: { domain: 'x' } }, 'unsigned'],
    ['has one by an unknown algorithm only', { signatures: { domain: { 'rsa:1': 'x' } } }, 'unsigned'],
    ['has one by an unknown key only', { signatures: { domain: { 'ed25519:2': 'x' } } }, 'unknown-key'],
    ['has a signature that is no text', { signatures: { domain: { 'ed25519:1': 7 } } }, 'invalid'],
    ['has the signature of something else', { signatures: dataSigned.signatures }, 'invalid'],
    ['has no canonical form', { one: 1.5, signatures: dataSigned.signatures }, 'invalid'],
  ])('refuses an object that %s', async (_, object, verdict) => {
    expect(verifySignedJson(object, 'domain', findKey)).toBe(verdict)
    expect(await verifySignedJsonInPool(object, 'domain', findKey)).toBe(verdict)
  })

  it('does not find signatures on the prototype', () => {
    expect(verifySignedJson({ signatures: {} }, 'constructor', findKey)).toBe('unsigned')
    expect(verifySignedJson({ signatures: {} }, '__proto__', findKey)).toBe('unsigned')
  })

  it('wants every signature by a known key to be valid, and passes over those by unknown keys', () => {
    const second = generateSigningKey('2')
    const keys = new Map([
      ['ed25519:1', verifyKey],
      ['ed25519:2', VerifyKey.import(second.publicKey)!],
    ])
    const both = signJson(signJson({ a: 1 }, 'domain', key), 'domain', second)
    expect(verifySignedJson(both, 'domain', (keyId) => keys.get(keyId))).toBe('valid')
    expect(verifySignedJson(both, 'domain', findKey)).toBe('valid')
    const forged = { ...both, signatures: { domain: { ...both.signatures['domain'], 'ed25519:2': 'AAAA' } } }
    expect(verifySignedJson(forged, 'domain', (keyId) => keys.get(keyId))).toBe('invalid')
  })

  it('refuses an object of which anything signed has changed', () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.maxSafeInteger(), fc.constant(null))
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value, { minKeys: 1 }), fc.string(), (object, name) => {
        fc.pre(!['signatures', 'unsigned'].includes(name))
        const signed = signJson(object, 'domain', key)
        expect(verifySignedJson(signed, 'domain', findKey)).toBe('valid')
        expect(verifySignedJson({ ...signed, [name]: [object[name] ?? 0] }, 'domain', findKey)).toBe('invalid')
      }),
      { numRuns: 50 },
    )
  })
})
