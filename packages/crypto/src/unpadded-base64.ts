const PADDING = 0x3d

const standardAlphabet = /^[A-Za-z0-9+/]*={0,2}$/
const urlSafeAlphabet = /^[A-Za-z0-9_-]*$/

/** Encodes bytes with the standard alphabet and no padding. {@link https://spec.matrix.org/v1.19/appendices/#unpadded-base64} */
export function encodeUnpaddedBase64(bytes: Uint8Array): string {
  const padded = asBuffer(bytes).toString('base64')
  let end = padded.length
  while (padded.charCodeAt(end - 1) === PADDING) end--
  return padded.slice(0, end)
}

/**
 * Decodes base64 of the standard alphabet, with its padding or without; `undefined` for anything else. Bits left over in
 * the last character may be set, as they are in the specification's own test vectors.
 */
export function decodeUnpaddedBase64(text: string): Buffer | undefined {
  if (!standardAlphabet.test(text)) return undefined
  const isPadded = text.endsWith('=')
  // One character alone holds 6 bits, which is no byte.
  if (isPadded ? text.length % 4 !== 0 : text.length % 4 === 1) return undefined
  return Buffer.from(text, 'base64')
}

/** Encodes bytes with the URL-safe alphabet and no padding, as in event ids from room version 4 on. */
export function encodeUrlSafe(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64url')
}

/**
 * Decodes unpadded URL-safe base64; `undefined` for anything else. Only the text that `encodeUrlSafe` would give for the
 * same bytes is taken, so that the bytes may be kept in place of the text.
 */
export function decodeUrlSafe(text: string): Buffer | undefined {
  if (!urlSafeAlphabet.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return encodeUrlSafe(bytes) === text ? bytes : undefined
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
