import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { isAcceptablePoint } from './ed25519-points.ts'
import { decodeUnpaddedBase64, encodeUnpaddedBase64 } from './unpadded-base64.ts'

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

// What precedes the 32 bytes of an Ed25519 public key in SubjectPublicKeyInfo (RFC 8410).
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Public keys whose private half is known to everybody: CVE-2026-24044. */
const compromised: readonly string[] = ['l/O9hxMVKB6Lg+3Hqf0FQQZhVESQcMzbPN1Cz2nM3og']

/** A public ed25519 key, imported once: keep it, since importing costs nearly as much as a verification. */
export class VerifyKey {
  /** The key in unpadded base64. */
  readonly publicKey: string
  readonly #key: KeyObject

  private constructor(publicKey: string, key: KeyObject) {
    this.publicKey = publicKey
    this.#key = key
  }

  /**
   * Imports a key from base64. `undefined` if the text is not that of 32 bytes, or the key is one that proves nothing:
   * of small order, not in canonical form, or publicly known.
   */
  static import(base64: string): VerifyKey | undefined {
    const bytes = decodeUnpaddedBase64(base64)
    if (bytes?.length !== KEY_BYTES || !isAcceptablePoint(bytes)) return undefined
    const publicKey = encodeUnpaddedBase64(bytes)
    if (compromised.includes(publicKey)) return undefined
    const der = Buffer.concat([spkiPrefix, bytes])
    return new VerifyKey(publicKey, createPublicKey({ key: der, format: 'der', type: 'spki' }))
  }

  /** Whether a signature, in base64, is this key's for these bytes or this text in UTF-8. Takes about 0.1 ms. */
  verify(data: string | Uint8Array, signature: string): boolean {
    const bytes = decodeSignature(signature)
    return bytes !== undefined && verify(null, asBytes(data), this.#key, bytes)
  }

  /** As `verify`, in libuv's thread pool: for many signatures at once. */
  verifyInPool(data: string | Uint8Array, signature: string): Promise<boolean> {
    const bytes = decodeSignature(signature)
    if (bytes === undefined) return Promise.resolve(false)
    return new Promise((resolve, reject) => {
      verify(null, asBytes(data), this.#key, bytes, (error, isValid) => {
        if (error === null) resolve(isValid)
        else reject(error)
      })
    })
  }
}

/** The 64 bytes of a signature, unless no implementation should take it whatever the key. */
function decodeSignature(signature: string): Buffer | undefined {
  const bytes = decodeUnpaddedBase64(signature)
  if (bytes?.length !== SIGNATURE_BYTES) return undefined
  // OpenSSL itself refuses a second half that is not reduced. The first half is a point.
  return isAcceptablePoint(bytes.subarray(0, 32)) ? bytes : undefined
}

function asBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, 'utf8') : data
}
