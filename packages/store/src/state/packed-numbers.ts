/**
 * Variable-length numbers: seven bits a byte, the low ones first, the high bit set on all but the last. Up to 2^53, so
 * without bit operations beyond the low part.
 */
export class PackedWriter {
  #buffer: Buffer
  #length = 0

  constructor(expectedBytes = 64) {
    this.#buffer = Buffer.allocUnsafe(Math.max(16, expectedBytes))
  }

  get length(): number {
    return this.#length
  }

  /** Writes a safe integer of at least 0. */
  unsigned(value: number): void {
    if (this.#length + 8 > this.#buffer.length) this.#grow()
    let rest = value
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 0x80) + 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#buffer[this.#length++] = rest
  }

  /** Writes an integer of at most 2^52 either way; small ones of both signs are short. */
  signed(value: number): void {
    this.unsigned(value < 0 ? -value * 2 - 1 : value * 2)
  }

  /** What was written, in a buffer of its own. */
  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length))
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(this.#buffer.length * 2)
    larger.set(this.#buffer)
    this.#buffer = larger
  }
}

/** Reads what a `PackedWriter` wrote. Throws RangeError when the bytes end within a number. */
export class PackedReader {
  readonly #buffer: Uint8Array
  #at = 0

  constructor(buffer: Uint8Array) {
    this.#buffer = buffer
  }

  get done(): boolean {
    return this.#at >= this.#buffer.length
  }

  unsigned(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.#buffer[this.#at++]
      if (byte === undefined) throw new RangeError('packed numbers end early')
      if (byte < 0x80) return value + byte * scale
      value += (byte - 0x80) * scale
      scale *= 0x80
    }
  }

  signed(): number {
    const value = this.unsigned()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }
}
