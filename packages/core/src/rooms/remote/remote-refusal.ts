import { RemoteError, ServerUnreachable } from '@hearth/federation-client'
import { MatrixError, type ErrCode, type MatrixErrorOptions } from '@hearth/protocol'

/** What other servers refuse with that says something to the user, with the status that it has here. */
const passedOn: Readonly<Record<string, ErrCode>> = {
  M_FORBIDDEN: 'M_FORBIDDEN',
  M_INCOMPATIBLE_ROOM_VERSION: 'M_INCOMPATIBLE_ROOM_VERSION',
  M_NOT_FOUND: 'M_NOT_FOUND',
  M_LIMIT_EXCEEDED: 'M_LIMIT_EXCEEDED',
  M_UNABLE_TO_AUTHORISE_JOIN: 'M_FORBIDDEN',
  M_UNABLE_TO_GRANT_JOIN: 'M_FORBIDDEN',
}

/** How much a refusal says: of several servers' the first that says most is told. */
const weights: Readonly<Record<string, number>> = {
  M_INCOMPATIBLE_ROOM_VERSION: 4,
  M_FORBIDDEN: 3,
  M_LIMIT_EXCEEDED: 2,
  M_NOT_FOUND: 1,
}

/**
 * What a user is told when no server did what they wanted of a room elsewhere.
 *
 * @returns undefined for an error that is none of other servers': it goes on as it is.
 */
export function refusalOf(errors: readonly unknown[]): MatrixError | undefined {
  const refusals = errors.flatMap((error) => asRefusal(error) ?? [])
  if (refusals.length === 0) return undefined
  return refusals.reduce((best, next) => (weightOf(next) > weightOf(best) ? next : best))
}

/** Whether an error is another server's: then the next one may be tried. */
export function isRemoteFailure(error: unknown): boolean {
  return error instanceof RemoteError || error instanceof ServerUnreachable || error instanceof UnusableAnswer
}

/** Another server's answer fits its schema, but cannot be true. */
export class UnusableAnswer extends Error {
  override readonly name = 'UnusableAnswer'
}

function asRefusal(error: unknown): MatrixError | undefined {
  if (error instanceof RemoteError) {
    const errcode = passedOn[error.errcode]
    if (errcode !== undefined) return new MatrixError(errcode, error.message, fieldsOf(error))
  }
  if (!isRemoteFailure(error)) return undefined
  return new MatrixError('M_UNKNOWN', (error as Error).message, { status: 502 })
}

function fieldsOf({ errcode, retryAfterMs, roomVersion }: RemoteError): MatrixErrorOptions {
  if (errcode === 'M_LIMIT_EXCEEDED') return { fields: { retry_after_ms: retryAfterMs ?? 10_000 } }
  if (errcode === 'M_INCOMPATIBLE_ROOM_VERSION' && roomVersion) return { fields: { room_version: roomVersion } }
  return {}
}

function weightOf({ errcode }: MatrixError): number {
  return weights[errcode] ?? 0
}
