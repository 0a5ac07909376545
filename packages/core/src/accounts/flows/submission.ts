import { badJson, MatrixError, type JsonObject } from '@hearth/protocol'

/**
 * A key of a stage's submission that must be there and be a string.
 * @throws MatrixError M_MISSING_PARAM when it is absent, M_BAD_JSON when it is something else.
 */
export function requiredString(submission: JsonObject, key: string): string {
  const value = optionalString(submission, key)
  if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `${key} is missing`)
  return value
}

/** A key that may be absent. @throws MatrixError M_BAD_JSON when it is there and not a string. */
export function optionalString(submission: JsonObject, key: string): string | undefined {
  const value = Object.hasOwn(submission, key) ? submission[key] : undefined
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw badJson(`${key} is not a string`)
  return value
}
