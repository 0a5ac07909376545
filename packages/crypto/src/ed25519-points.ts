/**
 * The encodings of points that signatures must not use: those of small order, for which a signature can be valid for
 * any message. Each is given with the sign bit cleared, that is, as its y coordinate in 32 little-endian bytes.
 */
const smallOrder: readonly string[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

// p = 2^255 - 19, in 32 little-endian bytes: ed, 30 times ff, 7f.
const LOWEST_BYTE_OF_P = 0xed

/**
 * Whether 32 bytes encode a point in the one canonical way and the point is not one of small order. libsodium, which most
 * servers use, refuses the others; OpenSSL takes them or not, depending on its version. Whether the point is on the
 * curve is left to the verification.
 */
export function isAcceptablePoint(encoded: Buffer): boolean {
  const y = Buffer.from(encoded)
  y[31]! &= 0x7f
  return isBelowP(y) && !smallOrder.includes(y.toString('hex'))
}

function isBelowP(y: Buffer): boolean {
  return y[31] !== 0x7f || y[0]! < LOWEST_BYTE_OF_P || !y.subarray(1, 31).every((byte) => byte === 0xff)
}
