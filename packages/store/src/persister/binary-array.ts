/**
 * PostgreSQL arrays in their binary form. A batch is thousands of values, among them JSON texts: as text each quote of
 * them would have to be escaped here and unescaped there. The driver sends a Buffer as a binary parameter.
 *
 * The form: dimensions, has-nulls flag, element type, then length and lower bound of the one dimension, then each element
 * as its length (-1 for null) and its bytes (https://www.postgresql.org/docs/18/protocol-overview.html#PROTOCOL-FORMAT-CODES).
 */
const BOOL = 16
const BYTEA = 17
const INT8 = 20
const INT2 = 21
const INT4 = 23
const TEXT = 25
const UUID = 2950

const HEADER = 20
const TWO_32 = 2 ** 32

/** Arrays without elements, by element type: most of a batch's columns, and never written to. */
const empty = new Map([BOOL, BYTEA, INT8, INT2, INT4, TEXT, UUID].map((type) => [type, emptyArray(type)]))

/** `boolean[]` */
export function boolArray(values: readonly boolean[]): Buffer {
  return fixedArray(BOOL, 1, values.map(Number), (buffer, value, at) => buffer.writeUInt8(value, at))
}

/** `smallint[]` */
export function int2Array(values: readonly (number | null)[]): Buffer {
  return fixedArray(INT2, 2, values, (buffer, value, at) => buffer.writeInt16BE(value, at))
}

/** `int[]` */
export function int4Array(values: readonly (number | null)[]): Buffer {
  return fixedArray(INT4, 4, values, (buffer, value, at) => buffer.writeInt32BE(value, at))
}

/** `bigint[]`, of safe integers. */
export function int8Array(values: readonly (number | null)[]): Buffer {
  return fixedArray(INT8, 8, values, (buffer, value, at) => {
    // Not writeBigInt64BE: making a BigInt of each number costs more than all the rest.
    const high = Math.floor(value / TWO_32)
    buffer.writeInt32BE(high, at)
    buffer.writeUInt32BE(value - high * TWO_32, at + 4)
  })
}

/** `uuid[]`, each value 16 bytes. */
export function uuidArray(values: readonly Uint8Array[]): Buffer {
  return bytesArray(UUID, values)
}

/** `bytea[]` */
export function byteaArray(values: readonly (Uint8Array | null)[]): Buffer {
  return bytesArray(BYTEA, values)
}

/** `text[]`. The server refuses NUL characters. */
export function textArray(values: readonly (string | null)[]): Buffer {
  if (values.length === 0) return empty.get(TEXT)!
  let size = HEADER
  const sizes = values.map((value) => {
    const bytes = value === null ? -1 : Buffer.byteLength(value)
    size += 4 + Math.max(0, bytes)
    return bytes
  })
  const buffer = withHeader(TEXT, size, values)
  let at = HEADER
  values.forEach((value, i) => {
    at = buffer.writeInt32BE(sizes[i]!, at)
    if (value !== null) at += buffer.write(value, at)
  })
  return buffer
}

function fixedArray(
  type: number,
  width: number,
  values: readonly (number | null)[],
  write: (buffer: Buffer, value: number, at: number) => void,
): Buffer {
  if (values.length === 0) return empty.get(type)!
  let nulls = 0
  for (const value of values) if (value === null) nulls++
  const buffer = withHeader(type, HEADER + values.length * (4 + width) - nulls * width, values, nulls > 0)
  let at = HEADER
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? -1 : width, at)
    if (value === null) continue
    write(buffer, value, at)
    at += width
  }
  return buffer
}

function bytesArray(type: number, values: readonly (Uint8Array | null)[]): Buffer {
  if (values.length === 0) return empty.get(type)!
  let size = HEADER
  for (const value of values) size += 4 + (value?.length ?? 0)
  const buffer = withHeader(type, size, values)
  let at = HEADER
  for (const value of values) {
    at = buffer.writeInt32BE(value?.length ?? -1, at)
    if (value === null) continue
    buffer.set(value, at)
    at += value.length
  }
  return buffer
}

function withHeader(type: number, size: number, values: readonly unknown[], hasNulls = values.includes(null)): Buffer {
  const buffer = Buffer.allocUnsafe(size)
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(hasNulls ? 1 : 0, 4)
  buffer.writeInt32BE(type, 8)
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16)
  return buffer
}

function emptyArray(type: number): Buffer {
  const buffer = Buffer.alloc(12)
  buffer.writeInt32BE(type, 8)
  return buffer
}
