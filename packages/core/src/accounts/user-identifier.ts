import { badJson, invalidParam, isJsonObject, MatrixError, type JsonObject } from '@hearth/protocol'
import { optionalString } from './flows/submission.ts'

/**
 * Whom the keys of a log-in name: by an `m.id.user` identifier, or by the `user` of former versions.
 * @throws MatrixError M_MISSING_PARAM when they name nobody, M_INVALID_PARAM for an identifier by which nobody is known
 * here: email addresses, telephone numbers; M_BAD_JSON.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#identifier-types}
 */
export function userOfIdentifier(submission: JsonObject): string {
  const identifier = Object.hasOwn(submission, 'identifier') ? submission['identifier'] : undefined
  if (identifier === undefined) return required(optionalString(submission, 'user'))
  if (!isJsonObject(identifier)) throw badJson('identifier is not an object')
  const type = optionalString(identifier, 'type')
  if (type === undefined) throw new MatrixError('M_MISSING_PARAM', 'identifier.type is missing')
  if (type !== 'm.id.user') throw invalidParam('Nobody is known by an identifier of this type')
  return required(optionalString(identifier, 'user'))
}

function required(user: string | undefined): string {
  if (user === undefined) throw new MatrixError('M_MISSING_PARAM', 'identifier.user is missing')
  return user
}
