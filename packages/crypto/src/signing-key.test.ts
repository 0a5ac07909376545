import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { formatSigningKey, generateSigningKey, parseSigningKey, SigningKey } from './signing-key.ts'
import { VerifyKey } from './verify-key.ts'

const seed = 'YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1'

describe('signing key', () => {
  it('is read from the file that Synapse writes', () => {
    const key = parseSigningKey(`ed25519 a_AbCd ${seed}\n`)
    expect(key.keyId).toBe('ed25519:a_AbCd')
    expect(key.publicKey).toBe('XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI')
  })

  it('is written as it is read', () => {
    const key = generateSigningKey()
    const text = formatSigningKey(key)
    expect(text).toMatch(/^ed25519 a_[a-z]{4} [A-Za-z0-9+/]{43}\n$/)
    const again = parseSigningKey(text)
    expect([again.keyId, again.publicKey]).toEqual([key.keyId, key.publicKey])
    expect(VerifyKey.import(key.publicKey)?.verify('x', again.sign('x'))).toBe(true)
  })

  it.each([
    '',
    'ed25519',
    `ed25519 a_AbCd`,
    `ed25519 ${seed}`,
    `rsa a_AbCd ${seed}`,
    `ed25519 a:b ${seed}`,
    `ed25519 a-b ${seed}`,
    `ed25519 a_AbCd ${seed} x`,
    `ed25519 a_AbCd ${seed.slice(1)}`,
    `ed25519 a_AbCd ${seed}AAAA`,
    `ed25519 a_AbCd ${seed}\ned25519 b ${seed}`,
  ])('is not read from %j', (text) => {
    expect(() => parseSigningKey(text)).toThrow(/^(?!.*YJDB)/s)
  })

  it('is a new one each time', () => {
    const keys = Array.from({ length: 20 }, () => generateSigningKey())
    expect(new Set(keys.map((key) => key.publicKey)).size).toBe(20)
    expect(generateSigningKey('auto').keyId).toBe('ed25519:auto')
  })

  it('does not show its secret in a log', () => {
    const key = parseSigningKey(`ed25519 1 ${seed}`)
    const secret = key.exportSeed()
    for (const text of [inspect(key, { depth: 9, showHidden: true }), JSON.stringify(key)]) {
      expect(text).not.toContain('YJDBA9')
      expect(text).not.toContain(secret.toString('hex').slice(0, 12))
    }
  })

  it('must have a seed of 32 bytes', () => {
    expect(() => SigningKey.fromSeed('1', Buffer.alloc(31))).toThrow()
    expect(() => SigningKey.fromSeed('', Buffer.alloc(32))).toThrow()
  })
})
