import { CanonicalJsonError } from './canonical-json-error.ts'

/** Which numbers are taken: integers in ±(2^53-1), or every finite number. */
export type NumberRule = 'strict' | 'legacy'

/** The canonical text of a number. Throws `CanonicalJsonError` for a number that the rule does not take. */
export function canonicalNumber(value: number, rule: NumberRule): string {
  // `-0` becomes `0` here.
  if (Number.isSafeInteger(value)) return String(value)
  if (rule === 'strict') throw new CanonicalJsonError('A number is not an integer in ±(2^53-1)')
  if (!Number.isFinite(value)) throw new CanonicalJsonError('A number is not finite')
  return legacyNumber(value)
}

/**
 * NOTSPEC: the specification says nothing of how fractions are written. The servers that made such events wrote them as
 * Python does, which differs from JavaScript below 1e-4: an exponent, of two digits at least.
 */
function legacyNumber(value: number): string {
  if (Math.abs(value) >= 1e-4) return String(value)
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1')
}
