/** How much of a name counts. */
const maxWords = 20
const maxWordLength = 64

/** The words of a text as they are compared: without regard to case, signs or the width of letters. */
export function directoryWords(text: string): string[] {
  const words = text
    .slice(0, maxWords * maxWordLength)
    .normalize('NFKC')
    .toLowerCase()
    .split(/[^\p{L}\p{N}\p{M}]+/u)
    .filter((word) => word !== '')
    .map((word) => [...word].slice(0, maxWordLength).join(''))
  return [...new Set(words)].slice(0, maxWords)
}
