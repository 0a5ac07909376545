import { globSegment, type Accept, type GlobSegment } from './glob-segment.ts'

const everywhere: Accept = () => true

/**
 * A pattern of a push rule: `*` stands for any run of characters, `?` for one, and case does not count. Compiled once;
 * matching takes one pass over the text.
 * {@link https://spec.matrix.org/v1.19/appendices/#glob-style-matching}
 */
export class PushGlob {
  /** The pieces between stars. */
  readonly #segments: readonly GlobSegment[]
  readonly #startsWithStar: boolean
  readonly #endsWithStar: boolean
  readonly #isEmpty: boolean

  constructor(pattern: string) {
    const pieces = pattern.toLowerCase().split('*')
    this.#isEmpty = pattern === ''
    this.#startsWithStar = pieces.length > 1 && pieces[0] === ''
    this.#endsWithStar = pieces.length > 1 && pieces.at(-1) === ''
    this.#segments = pieces.filter((piece) => piece !== '').map(globSegment)
  }

  /** Whether a text in lower case matches as a whole. */
  matchesAll(text: string): boolean {
    if (this.#isEmpty) return text === ''
    const segments = [...this.#segments]
    let [from, end] = [0, text.length]
    if (!this.#startsWithStar) {
      const first = segments.shift()!
      if (!first.isAt(text, 0)) return false
      from = first.length
      // Without any star, it is all of the pattern.
      if (segments.length === 0 && !this.#endsWithStar) return from === end
    }
    if (!this.#endsWithStar) {
      const last = segments.pop()!
      end -= last.length
      if (end < from || !last.isAt(text, end)) return false
    }
    for (const segment of segments) {
      from = segment.endOf(text, from, everywhere)
      if (from < 0 || from > end) return false
    }
    return true
  }

  /** Whether a part of a text in lower case matches that starts and ends at the boundary of a word. */
  matchesWords(text: string): boolean {
    if (this.#isEmpty) return text === ''
    const last = this.#segments.length - 1
    let from = 0
    for (const [index, segment] of this.#segments.entries()) {
      const mustStart = index === 0 && !this.#startsWithStar
      const mustEnd = index === last && !this.#endsWithStar
      from = segment.endOf(text, from, (start, end) => {
        return (!mustStart || isBoundary(text, start - 1)) && (!mustEnd || isBoundary(text, end))
      })
      if (from < 0) return false
    }
    return true
  }
}

/** Whether there is no letter, digit or underscore of ASCII at an index of a text in lower case. */
function isBoundary(text: string, index: number): boolean {
  const code = text.charCodeAt(index)
  const isWord = (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x5f
  return !isWord
}
