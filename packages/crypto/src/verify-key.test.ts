import { hash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { generateSigningKey, SigningKey } from './signing-key.ts'
import { encodeUnpaddedBase64 } from './unpadded-base64.ts'
import { VerifyKey } from './verify-key.ts'

// Arithmetic on the curve -x² + y² = 1 + d·x²·y², written for reading: what ed25519-points.ts lists, this derives.
const p = 2n ** 255n - 19n
const order = 2n ** 252n + 27742317777372353535851937790883648493n
const mod = (n: bigint) => ((n % p) + p) % p

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b)
  return result
}

const inverse = (n: bigint) => power(n, p - 2n)
const d = mod(-121665n * inverse(121666n))
const sqrtOfMinus1 = power(2n, (p - 1n) / 4n)

type Point = readonly [x: bigint, y: bigint]

function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const product = mod(d * x1 * x2 * y1 * y2)
  return [mod((x1 * y2 + x2 * y1) * inverse(1n + product)), mod((y1 * y2 + x1 * x2) * inverse(1n - product))]
}

function multiply(n: bigint, point: Point): Point {
  let result: Point = [0n, 1n]
  for (let k = n, q = point; k > 0n; k >>= 1n, q = add(q, q)) if (k & 1n) result = add(result, q)
  return result
}

function pointWith(y: bigint): Point | undefined {
  const square = mod((y * y - 1n) * inverse(d * y * y + 1n))
  const root = power(square, (p + 3n) / 8n)
  const x = [root, mod(root * sqrtOfMinus1)].find((candidate) => mod(candidate * candidate) === square)
  return x === undefined ? undefined : [x, mod(y)]
}

function encode(y: bigint, sign = 0): Buffer {
  const bytes = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse()
  bytes[31]! |= sign << 7
  return bytes
}

/** The eight points of small order: multiples of one that has order 8, found by removing the large factor. */
function smallOrderPoints(): Point[] {
  for (let y = 2n; ; y++) {
    const point = pointWith(y)
    if (point === undefined) continue
    const torsion = multiply(order, point)
    const multiples = Array.from({ length: 8 }, (_, n) => multiply(BigInt(n), torsion))
    if (new Set(multiples.map(String)).size === 8) return multiples
  }
}

const importBytes = (bytes: Uint8Array) => VerifyKey.import(encodeUnpaddedBase64(bytes))

describe('verify key', () => {
  it('takes the public half of any signing key', () => {
    for (let i = 0; i < 50; i++) {
      const { publicKey } = generateSigningKey()
      expect(VerifyKey.import(publicKey)?.publicKey).toBe(publicKey)
      expect(VerifyKey.import(`${publicKey}=`)?.publicKey).toBe(publicKey)
    }
  })

  it('[SEC-104] must have 32 bytes', () => {
    for (const length of [0, 31, 33, 64]) expect(importBytes(Buffer.alloc(length, 7))).toBeUndefined()
    expect(VerifyKey.import('not base64!')).toBeUndefined()
  })

  it('[SEC-106] must not be a point of small order', () => {
    const ys = new Set(smallOrderPoints().map(([, y]) => y))
    expect(ys.size).toBe(5)
    for (const y of ys) for (const signBit of [0, 1]) expect(importBytes(encode(y, signBit))).toBeUndefined()
  })

  it('must be in canonical form', () => {
    for (let y = p; y < 2n ** 255n; y++)
      for (const signBit of [0, 1]) expect(importBytes(encode(y, signBit))).toBeUndefined()
    expect(importBytes(encode(p - 2n))).toBeDefined()
  })

  it('[SEC-110] must not be one whose secret is known to everybody', () => {
    expect(VerifyKey.import('l/O9hxMVKB6Lg+3Hqf0FQQZhVESQcMzbPN1Cz2nM3og')).toBeUndefined()
    expect(VerifyKey.import('l/O9hxMVKB6Lg+3Hqf0FQQZhVESQcMzbPN1Cz2nM3og=')).toBeUndefined()
  })

  it('that is not on the curve verifies nothing', () => {
    const y = [2n, 3n, 4n, 5n, 6n, 7n, 8n].find((candidate) => pointWith(candidate) === undefined)!
    const key = importBytes(encode(y))
    expect(key?.verify('x', encodeUnpaddedBase64(Buffer.alloc(64, 9))) ?? false).toBe(false)
  })
})

describe('signature', () => {
  const signingKey = SigningKey.fromSeed('1', Buffer.alloc(32, 1))
  const verifyKey = VerifyKey.import(signingKey.publicKey)!
  const message = Buffer.from('a message')
  const signature = Buffer.from(signingKey.sign(message), 'base64')

  it('is valid for what was signed, bytes or text', async () => {
    const encoded = encodeUnpaddedBase64(signature)
    expect(verifyKey.verify(message, encoded)).toBe(true)
    expect(verifyKey.verify('a message', encoded)).toBe(true)
    expect(await verifyKey.verifyInPool(message, encoded)).toBe(true)
    expect(signingKey.sign('é😀')).toBe(signingKey.sign(Buffer.from('é😀', 'utf8')))
  })

  it('is invalid with any bit changed, in it or in the message', async () => {
    const flip = (bytes: Buffer, bit: number) => {
      const copy = Buffer.from(bytes)
      copy[bit >> 3]! ^= 1 << (bit & 7)
      return copy
    }
    for (let bit = 0; bit < 512; bit++) {
      expect(verifyKey.verify(message, encodeUnpaddedBase64(flip(signature, bit)))).toBe(false)
    }
    for (let bit = 0; bit < message.length * 8; bit++) {
      expect(await verifyKey.verifyInPool(flip(message, bit), encodeUnpaddedBase64(signature))).toBe(false)
    }
  })

  it('[SEC-108] is taken with padding, and not from other text', async () => {
    const encoded = signature.toString('base64')
    expect(verifyKey.verify(message, encoded)).toBe(true)
    for (const text of [`${encoded}\n`, `!${encoded}`, ` ${encoded}`, encoded.replace('==', '='), '', 'AAAA']) {
      expect(verifyKey.verify(message, text)).toBe(false)
      expect(await verifyKey.verifyInPool(message, text)).toBe(false)
    }
    const urlSafe = fc.sample(fc.uint8Array({ minLength: 8, maxLength: 8 }), 100).map((seed) => {
      const data = Buffer.from(seed)
      return { data, text: Buffer.from(signingKey.sign(data), 'base64').toString('base64url') }
    })
    for (const { data, text } of urlSafe) expect(verifyKey.verify(data, text)).toBe(!/[-_]/.test(text))
  })

  it('is invalid if its second half is not reduced', () => {
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`)
    const malleable = Buffer.concat([signature.subarray(0, 32), encode(s + order)])
    expect(verifyKey.verify(message, encodeUnpaddedBase64(malleable))).toBe(false)
  })

  it('is invalid if its first half is a point of small order, though its equation holds', () => {
    // A signer who does not draw a nonce but takes zero: R is the neutral point, S = SHA-512(R, A, M)·a.
    const scalarOf = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
    const secret = hash('sha512', signingKey.exportSeed(), 'buffer').subarray(0, 32)
    secret[0] = secret[0]! & 0xf8
    secret[31] = (secret[31]! & 0x7f) | 0x40
    const neutral = encode(1n)
    const publicKey = Buffer.from(signingKey.publicKey, 'base64')
    const challenge = scalarOf(hash('sha512', Buffer.concat([neutral, publicKey, message]), 'buffer'))
    const forged = Buffer.concat([neutral, encode((challenge * scalarOf(secret)) % order)])
    expect(verifyKey.verify(message, encodeUnpaddedBase64(forged))).toBe(false)
  })

  it('is the one of RFC 8032, section 7.1, test 2', () => {
    const seed = Buffer.from('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', 'hex')
    const expected =
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
      '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'
    const key = SigningKey.fromSeed('rfc', seed)
    expect(Buffer.from(key.publicKey, 'base64').toString('hex')).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    )
    expect(Buffer.from(key.sign(Buffer.from([0x72])), 'base64').toString('hex')).toBe(expected)
  })
})
