import { badJson } from './errors.ts'

/** What a scan refuses. */
export interface ScanLimits {
  readonly maxDepth: number
  readonly refuseNul: boolean
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const MINUS = 0x2d
const PLUS = 0x2b
const POINT = 0x2e
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const LETTER_E = 0x65
const LETTER_U = 0x75

// Any integer of this many characters, sign included, is a safe one.
const SAFE_INTEGER_LENGTH = 15

/** One pass over a text that is known to be JSON, for what `JSON.parse` lets through or hides. */
export class JsonTextScan {
  readonly #text: string
  readonly #limits: ScanLimits
  #at = 0
  #nextBackslash = -1

  constructor(text: string, limits: ScanLimits) {
    this.#text = text
    this.#limits = limits
  }

  /** Returns the number of members of all objects, or throws `M_BAD_JSON`. */
  countMembers(): number {
    const text = this.#text
    let depth = 0
    let members = 0
    while (this.#at < text.length) {
      const unit = text.charCodeAt(this.#at)
      if (unit === QUOTE) {
        this.#passString()
        continue
      }
      if (isDigit(unit) || unit === MINUS) {
        this.#passNumber()
        continue
      }
      // Outside strings there is one colon for each member.
      if (unit === COLON) members++
      else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
        if (++depth > this.#limits.maxDepth) throw badJson('The content is nested too deeply')
      } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) depth--
      this.#at++
    }
    return members
  }

  #passString(): void {
    const start = this.#at + 1
    const end = this.#text.indexOf('"', start)
    // The place of the next backslash is kept, so that a long text without any is not searched for each of its strings.
    if (this.#nextBackslash < start) {
      const found = this.#text.indexOf('\\', start)
      this.#nextBackslash = found === -1 ? this.#text.length : found
    }
    if (end < this.#nextBackslash) this.#at = end + 1
    else this.#passEscapes()
  }

  /** Passes the rest of a string from its first backslash on. */
  #passEscapes(): void {
    const text = this.#text
    this.#at = this.#nextBackslash
    for (;;) {
      const unit = text.charCodeAt(this.#at)
      if (unit === QUOTE) break
      if (unit !== BACKSLASH) this.#at++
      else if (text.charCodeAt(this.#at + 1) === LETTER_U) this.#passUnicodeEscape()
      else this.#at += 2
    }
    this.#at++
  }

  /** Passes one \uXXXX, or the two of a surrogate pair. */
  #passUnicodeEscape(): void {
    const unit = this.#escapedUnit(this.#at)
    if (unit === 0 && this.#limits.refuseNul) throw badJson('A string has a NUL character')
    this.#at += 6
    if ((unit & 0xf800) !== 0xd800) return
    const isPair =
      unit < 0xdc00 && this.#text.startsWith('\\u', this.#at) && isLowSurrogate(this.#escapedUnit(this.#at))
    if (!isPair) throw badJson('A string has a lone surrogate')
    this.#at += 6
  }

  #escapedUnit(at: number): number {
    return Number.parseInt(this.#text.slice(at + 2, at + 6), 16)
  }

  #passNumber(): void {
    const text = this.#text
    const start = this.#at++
    let isInteger = true
    for (; this.#at < text.length; this.#at++) {
      const unit = text.charCodeAt(this.#at)
      if (isDigit(unit)) continue
      if (!isFractionOrExponent(unit)) break
      isInteger = false
    }
    if (isInteger && this.#at - start <= SAFE_INTEGER_LENGTH) return
    const value = Number(text.slice(start, this.#at))
    // Rounding keeps order, so that no integer outside the range can turn into one inside it.
    if (isInteger && !Number.isSafeInteger(value)) throw badJson('An integer is outside ±(2^53-1)')
    if (!Number.isFinite(value)) throw badJson('A number is too large')
  }
}

function isDigit(unit: number): boolean {
  return unit >= DIGIT_0 && unit <= DIGIT_9
}

/** Whether a number of which the text is known to be JSON goes on with this: a point, the letter e or E, a sign. */
function isFractionOrExponent(unit: number): boolean {
  return unit === POINT || (unit | 0x20) === LETTER_E || unit === PLUS || unit === MINUS
}

function isLowSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00
}
