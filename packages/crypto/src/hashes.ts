import { hash } from 'node:crypto'

/** The SHA-256 digest of bytes, or of a text encoded as UTF-8: 32 bytes. */
export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer')
}

/** The SHA-1 digest, 20 bytes. It protects nothing: state resolution of room version 1 breaks ties by it. */
export function sha1(data: string | Uint8Array): Buffer {
  return hash('sha1', data, 'buffer')
}
