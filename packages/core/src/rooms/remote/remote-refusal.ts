import { RemoteError, ServerUnreachable } from '@hearth/federation-client'
import { defaultStatus, MatrixError, type ErrCode, type MatrixErrorOptions } from '@hearth/protocol'

/** What other servers refuse with that says something to the user, with the status that it has here. */
const passedOn: Readonly<Record<string, ErrCode>> = {
  M_FORBIDDEN: 'M_FORBIDDEN',
  M_INCOMPATIBLE_ROOM_VERSION: 'M_INCOMPATIBLE_ROOM_VERSION',
  M_NOT_FOUND: 'M_NOT_FOUND',
  M_LIMIT_EXCEEDED: 'M_LIMIT_EXCEEDED',
  M_UNABLE_TO_AUTHORISE_JOIN: 'M_FORBIDDEN',
  M_UNABLE_TO_GRANT_JOIN: 'M_FORBIDDEN',
}

/** What is about a session or an account, which no other server has a say in: clients would sign their user out. */
const aboutSessions = /TOKEN|USER|SESSION|CONSENT|CAPTCHA|THREEPID|RESOURCE|PASSWORD|DEACTIVATED/

/** A refusal with an errcode that Hearth itself never gives. */
class ForeignRefusal extends MatrixError {
  readonly #errcode: string

  constructor({ errcode, message }: RemoteError) {
    super('M_UNKNOWN', message, { status: 400 })
    this.#errcode = errcode
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), errcode: this.#errcode }
  }
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
    if (isForeign(error)) return new ForeignRefusal(error)
  }
  if (!isRemoteFailure(error)) return undefined
  return new MatrixError('M_UNKNOWN', (error as Error).message, { status: 502 })
}

/** Whether a server refuses a request with a code that is not of the specification's. */
function isForeign({ status, errcode }: RemoteError): boolean {
  const isKnown = Object.hasOwn(defaultStatus, errcode) || aboutSessions.test(errcode)
  return status < 500 && /^[A-Z][A-Z0-9_.]{1,63}$/.test(errcode) && !isKnown
}

function fieldsOf({ errcode, retryAfterMs, roomVersion }: RemoteError): MatrixErrorOptions {
  if (errcode === 'M_LIMIT_EXCEEDED') return { fields: { retry_after_ms: retryAfterMs ?? 10_000 } }
  if (errcode === 'M_INCOMPATIBLE_ROOM_VERSION' && roomVersion) return { fields: { room_version: roomVersion } }
  return {}
}

function weightOf({ errcode }: MatrixError): number {
  return weights[errcode] ?? 0
}
