/**
 * Compares two well-formed strings by their code points, which is also the order of their UTF-8 bytes. JavaScript's own
 * order is by UTF-16 units, where U+1F600 comes before U+FF21.
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i)
    const unitB = b.charCodeAt(i)
    if (unitA === unitB) continue
    // A surrogate stands for a code point above all that one unit can express.
    const astralA = (unitA & 0xf800) === 0xd800
    const astralB = (unitB & 0xf800) === 0xd800
    if (astralA !== astralB) return astralA ? 1 : -1
    return unitA - unitB
  }
  return a.length - b.length
}
