/** Says whether what was found from one index up to another counts. */
export type Accept = (start: number, end: number) => boolean

/** A run of characters to be found in a text, `?` standing for any one of them. */
export interface GlobSegment {
  readonly length: number
  /** Whether it is in the text just there. */
  isAt(text: string, index: number): boolean
  /** The end of the first occurrence from an index on that counts; -1 without one. */
  endOf(text: string, from: number, accept: Accept): number
}

/** Every segment is found in one pass over the text, whatever stands in it. */
export function globSegment(pattern: string): GlobSegment {
  return pattern.includes('?') ? new WildSegment(pattern) : new LiteralSegment(pattern)
}

/** Without `?`: the algorithm of Knuth, Morris and Pratt. */
class LiteralSegment implements GlobSegment {
  readonly length: number
  readonly #pattern: string
  /** After so many characters that fit, how many still do when the next one does not. */
  readonly #fallback: Uint16Array

  constructor(pattern: string) {
    this.length = pattern.length
    this.#pattern = pattern
    this.#fallback = new Uint16Array(pattern.length + 1)
    for (let at = 1, fit = 0; at < pattern.length; at++) {
      while (fit > 0 && pattern[at] !== pattern[fit]) fit = this.#fallback[fit]!
      if (pattern[at] === pattern[fit]) fit++
      this.#fallback[at + 1] = fit
    }
  }

  isAt(text: string, index: number): boolean {
    return text.startsWith(this.#pattern, index)
  }

  endOf(text: string, from: number, accept: Accept): number {
    const pattern = this.#pattern
    for (let at = from, fit = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      while (fit > 0 && pattern.charCodeAt(fit) !== code) fit = this.#fallback[fit]!
      if (pattern.charCodeAt(fit) === code) fit++
      if (fit < pattern.length) continue
      if (accept(at + 1 - fit, at + 1)) return at + 1
      fit = this.#fallback[fit]!
    }
    return -1
  }
}

/** With `?`: one bit for each prefix of the pattern that fits so far, 32 of them at a step. */
class WildSegment implements GlobSegment {
  readonly length: number
  readonly #pattern: string
  /** By character: where in the pattern it may stand. */
  readonly #places = new Map<number, Uint32Array>()
  readonly #anywhere: Uint32Array

  constructor(pattern: string) {
    this.length = pattern.length
    this.#pattern = pattern
    const words = Math.ceil(pattern.length / 32)
    this.#anywhere = new Uint32Array(words)
    for (let at = 0; at < pattern.length; at++) if (pattern[at] === '?') setBit(this.#anywhere, at)
    for (let at = 0; at < pattern.length; at++) {
      const code = pattern.charCodeAt(at)
      let places = this.#places.get(code)
      if (!places) this.#places.set(code, (places = this.#anywhere.slice()))
      setBit(places, at)
    }
  }

  isAt(text: string, index: number): boolean {
    if (index + this.length > text.length) return false
    for (let at = 0; at < this.length; at++) {
      const wanted = this.#pattern[at]
      if (wanted !== '?' && wanted !== text[index + at]) return false
    }
    return true
  }

  endOf(text: string, from: number, accept: Accept): number {
    const words = this.#anywhere.length
    const fits = new Uint32Array(words)
    const [last, bit] = [(this.length - 1) >>> 5, 1 << ((this.length - 1) & 31)]
    for (let at = from; at < text.length; at++) {
      const places = this.#places.get(text.charCodeAt(at)) ?? this.#anywhere
      let carry = 1
      for (let word = 0; word < words; word++) {
        const before = fits[word]!
        fits[word] = ((before << 1) | carry) & places[word]!
        carry = before >>> 31
      }
      if ((fits[last]! & bit) !== 0 && accept(at + 1 - this.length, at + 1)) return at + 1
    }
    return -1
  }
}

function setBit(words: Uint32Array, bit: number): void {
  words[bit >>> 5]! |= 1 << (bit & 31)
}
