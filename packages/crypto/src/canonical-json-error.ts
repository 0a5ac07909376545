/** A value that canonical JSON cannot express. The message says what is wrong and holds nothing of the value. */
export class CanonicalJsonError extends Error {
  override readonly name = 'CanonicalJsonError'
}
