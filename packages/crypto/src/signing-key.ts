import { createPrivateKey, createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto'
import { decodeUnpaddedBase64, encodeUnpaddedBase64 } from './unpadded-base64.ts'

/** The name of a signing key: algorithm and version. */
export type KeyId = `ed25519:${string}`

const SEED_BYTES = 32
const VERSION_LETTERS = 4
const keyVersion = /^[A-Za-z0-9_]{1,200}$/

// What precedes the 32 bytes of an Ed25519 seed in PKCS #8 (RFC 8410).
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/** A private ed25519 key of a server. */
export class SigningKey {
  readonly keyId: KeyId
  /** The public half in unpadded base64, as it is published. */
  readonly publicKey: string
  readonly #key: KeyObject

  private constructor(keyId: KeyId, publicKey: string, key: KeyObject) {
    this.keyId = keyId
    this.publicKey = publicKey
    this.#key = key
  }

  /** The key with this version (letters, digits and `_`) and seed (32 bytes). Throws if either is anything else. */
  static fromSeed(version: string, seed: Uint8Array): SigningKey {
    if (!keyVersion.test(version)) throw new Error('The version of a signing key must be of letters, digits and _')
    if (seed.length !== SEED_BYTES) throw new Error('The seed of a signing key must have 32 bytes')
    const der = Buffer.concat([pkcs8Prefix, seed])
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
    return new SigningKey(`ed25519:${version}`, encodeUnpaddedBase64(spki.subarray(-SEED_BYTES)), key)
  }

  /** Signs bytes, or a text in UTF-8. Returns the signature in unpadded base64. */
  sign(data: string | Uint8Array): string {
    return encodeUnpaddedBase64(sign(null, typeof data === 'string' ? Buffer.from(data, 'utf8') : data, this.#key))
  }

  /** The secret itself, for `formatSigningKey`. */
  exportSeed(): Buffer {
    return this.#key.export({ format: 'der', type: 'pkcs8' }).subarray(-SEED_BYTES)
  }
}

/** Makes a new key. Without a version, it gets a random one, since a version must never be used for two keys. */
export function generateSigningKey(version: string = randomVersion()): SigningKey {
  return SigningKey.fromSeed(version, randomBytes(SEED_BYTES))
}

/**
 * Reads a key from the text of Synapse's key files, `ed25519 <version> <seed in base64>`. Throws an error that tells
 * nothing of the text if it is anything else.
 */
export function parseSigningKey(text: string): SigningKey {
  const [algorithm, version, encodedSeed, ...rest] = text.trim().split(/[ \t]+/)
  const seed = decodeUnpaddedBase64(encodedSeed ?? '')
  if (algorithm !== 'ed25519' || version === undefined || seed?.length !== SEED_BYTES || rest.length > 0) {
    throw new Error('A signing key must be written as "ed25519 <version> <seed of 32 bytes in base64>"')
  }
  return SigningKey.fromSeed(version, seed)
}

/** Writes a key as `parseSigningKey` reads it, with a line end. The text is a secret. */
export function formatSigningKey(key: SigningKey): string {
  return `ed25519 ${key.keyId.slice('ed25519:'.length)} ${encodeUnpaddedBase64(key.exportSeed())}\n`
}

function randomVersion(): string {
  const letters = Array.from(randomBytes(VERSION_LETTERS), (byte) => String.fromCharCode(0x61 + (byte % 26)))
  return `a_${letters.join('')}`
}
