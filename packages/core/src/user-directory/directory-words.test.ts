import { describe, expect, it } from 'vitest'
import { directoryWords } from './directory-words.ts'

describe('the words that people are found by', () => {
  it('are without signs and in lower case, each once', () => {
    expect(directoryWords('Ada  LOVELACE, (Ada) [she/her]')).toEqual(['ada', 'lovelace', 'she', 'her'])
    expect(directoryWords('')).toEqual([])
    expect(directoryWords(' .-_ 🎈')).toEqual([])
  })

  it('are the same however letters are written', () => {
    expect(directoryWords('Zoë')).toEqual(directoryWords('ZOE\u0308'))
    expect(directoryWords('ＡＤＡ')).toEqual(['ada'])
    expect(directoryWords('山田 太郎')).toEqual(['山田', '太郎'])
  })

  it('are not more, nor longer, than names need', () => {
    expect(directoryWords('x'.repeat(10_000))).toEqual(['x'.repeat(64)])
    expect(directoryWords(Array.from({ length: 500 }, (_, n) => `w${n}`).join(' '))).toHaveLength(20)
  })
})
