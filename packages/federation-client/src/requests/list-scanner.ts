import { InvalidAnswer } from '../server-unreachable.ts'

/** An item of a list, as text in UTF-8. */
export interface ListItem {
  readonly list: string
  readonly bytes: Buffer
}

export interface ListScannerLimits {
  /** The most items of one list. */
  readonly maxItems: number
  /** A longer item is left out. */
  readonly maxItemBytes: number
  /** How long everything outside of the lists may be. */
  readonly maxRestBytes: number
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Stands for an item in what is left of the text. */
const PLACEHOLDER = 0x30
const MAX_KEY_BYTES = 200

const SCALAR = 1
const STRING = 2
const NESTED = 3

/**
 * Takes a JSON object apart while it arrives: the items of the named arrays at its top level come out one by one, and what
 * is left is the object with a number in place of each. Items and the rest are not checked here: the text is JSON if all
 * of them are, which is what their parser finds out.
 */
export class ListScanner {
  readonly #names: ReadonlySet<string>
  readonly #limits: ListScannerLimits
  /** How deep arrays and objects are nested: 1 is the object itself, 2 a list. */
  #depth = 0
  #inString = false
  #isEscaped = false
  /** The text of the last string of the object itself: its key, when a colon comes. */
  #key: number[] = []
  #afterColon = false
  #list: string | undefined
  /** Which kind of item is being read; 0 between items. */
  #item: 0 | typeof SCALAR | typeof STRING | typeof NESTED = 0
  #itemParts: Buffer[] = []
  #itemLength = 0
  #itemCount = 0
  // A copy: parts of the chunks would keep all of them in memory.
  #rest = Buffer.alloc(1024)
  #restLength = 0
  #uncounted = 0

  constructor(names: readonly string[], limits: ListScannerLimits) {
    this.#names = new Set(names)
    this.#limits = limits
  }

  /** Reads on. Gives the items that are complete now. @throws InvalidAnswer when a limit is exceeded */
  push(chunk: Buffer): readonly ListItem[] {
    const items: ListItem[] = []
    for (let at = 0; at < chunk.length;) {
      at = this.#list === undefined ? this.#readRest(chunk, at) : this.#readList(chunk, at, items)
    }
    return items
  }

  /** The text without the items, once all of it was read. */
  rest(): Buffer {
    return this.#rest.subarray(0, this.#restLength)
  }

  /** Reads up to where a list begins. */
  #readRest(chunk: Buffer, start: number): number {
    let at = start
    for (; at < chunk.length && this.#list === undefined; at++) this.#readRestByte(chunk[at]!)
    this.#keepRest(chunk.subarray(start, at))
    return at
  }

  #readRestByte(byte: number): void {
    if (this.#inString) {
      if (this.#isEscaped) this.#isEscaped = false
      else if (byte === BACKSLASH) this.#isEscaped = true
      else if (byte === QUOTE) {
        this.#inString = false
        return
      }
      if (this.#depth === 1 && this.#key.length < MAX_KEY_BYTES) this.#key.push(byte)
      return
    }
    switch (byte) {
      case QUOTE:
        this.#inString = true
        this.#key = []
        return
      case COLON:
        this.#afterColon = this.#depth === 1
        return
      case COMMA:
        this.#afterColon = false
        return
      case OPEN_ARRAY:
        if (this.#afterColon && this.#depth === 1) this.#enterList()
        this.#depth++
        return
      case OPEN_OBJECT:
        this.#depth++
        return
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        this.#depth--
    }
  }

  #enterList(): void {
    const key = String.fromCharCode(...this.#key)
    if (!this.#names.has(key)) return
    this.#list = key
    this.#itemCount = 0
  }

  /** Reads within a list: an item, or up to where the next begins or the list ends. */
  #readList(chunk: Buffer, start: number, items: ListItem[]): number {
    if (this.#item !== 0) return this.#readItem(chunk, start, items)
    let at = start
    for (; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (byte === COMMA) this.#keepForItem(COMMA)
      else if (byte === CLOSE_ARRAY) {
        this.#list = undefined
        this.#depth--
        this.#keepRest(chunk.subarray(at, at + 1))
        return at + 1
      } else if (byte > 0x20) {
        this.#beginItem(byte)
        return at
      }
    }
    return at
  }

  #beginItem(byte: number): void {
    if (++this.#itemCount > this.#limits.maxItems) throw new InvalidAnswer('a list in it has too many items')
    this.#item = byte === QUOTE ? STRING : byte === OPEN_OBJECT || byte === OPEN_ARRAY ? NESTED : SCALAR
    this.#keepForItem(PLACEHOLDER)
  }

  #readItem(chunk: Buffer, start: number, items: ListItem[]): number {
    const end = this.#endOfItem(chunk, start)
    const isComplete = this.#item === 0
    this.#itemLength += end - start
    if (this.#itemLength <= this.#limits.maxItemBytes) this.#itemParts.push(chunk.subarray(start, end))
    else this.#itemParts = []
    if (!isComplete) return end
    if (this.#itemLength <= this.#limits.maxItemBytes) {
      const [only] = this.#itemParts
      const bytes = this.#itemParts.length === 1 ? only! : Buffer.concat(this.#itemParts)
      items.push({ list: this.#list!, bytes })
    }
    this.#itemParts = []
    this.#itemLength = 0
    return end
  }

  /** Where the item ends, with `#item` set to 0; or the end of the chunk. */
  #endOfItem(chunk: Buffer, start: number): number {
    if (this.#item === SCALAR) return this.#endOfScalar(chunk, start)
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (byte === BACKSLASH) this.#isEscaped = true
        else if (byte === QUOTE) this.#inString = false
        else continue
        if (!this.#inString && this.#item === STRING) return this.#endItem(at + 1)
      } else if (byte === QUOTE) this.#inString = true
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth++
      else if ((byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) && --this.#depth === 2) return this.#endItem(at + 1)
    }
    return chunk.length
  }

  #endOfScalar(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (byte === COMMA || byte === CLOSE_ARRAY || byte <= 0x20) return this.#endItem(at)
    }
    return chunk.length
  }

  #endItem(at: number): number {
    this.#item = 0
    return at
  }

  #keepRest(bytes: Buffer): void {
    this.#makeRoom(bytes.length)
    bytes.copy(this.#rest, this.#restLength)
    this.#restLength += bytes.length
    if (this.#restLength - this.#uncounted > this.#limits.maxRestBytes) {
      throw new InvalidAnswer('it is too long outside of its lists')
    }
  }

  /** Keeps a byte that an item needs; those are bounded by the number of items. */
  #keepForItem(byte: number): void {
    this.#makeRoom(1)
    this.#rest[this.#restLength++] = byte
    if (byte === PLACEHOLDER) this.#uncounted += 2
  }

  #makeRoom(bytes: number): void {
    if (this.#restLength + bytes <= this.#rest.length) return
    const larger = Buffer.alloc(Math.max(this.#rest.length * 2, this.#restLength + bytes))
    this.#rest.copy(larger, 0, 0, this.#restLength)
    this.#rest = larger
  }
}
