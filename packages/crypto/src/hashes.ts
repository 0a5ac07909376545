import { hash } from 'node:crypto'

/** The SHA-256 digest of bytes, or of a text encoded as UTF-8: 32 bytes. */
export function sha256(data: string | Uint8Array): Buffer {
  return digest('sha256', data)
}

/** The SHA-1 digest, 20 bytes. It protects nothing: state resolution of room version 1 breaks ties by it. */
export function sha1(data: string | Uint8Array): Buffer {
  return digest('sha1', data)
}

/** As a text with one character a byte, and from that the bytes: half the time of asking Node for a buffer. */
function digest(algorithm: string, data: string | Uint8Array): Buffer {
  return Buffer.from(hash(algorithm, data, 'binary'), 'latin1')
}
