/**
 * Every errcode that Hearth sends, with the status it is sent with unless the place that throws says otherwise.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#standard-error-response}
 */
export const defaultStatus = {
  M_ALREADY_JOINED: 400,
  M_BAD_ALIAS: 400,
  M_BAD_JSON: 400,
  M_BAD_STATE: 400,
  M_CANNOT_LEAVE_SERVER_NOTICE_ROOM: 403,
  M_CANNOT_OVERWRITE_MEDIA: 409,
  M_DUPLICATE_ANNOTATION: 400,
  M_EXCLUSIVE: 400,
  M_FORBIDDEN: 403,
  M_GUEST_ACCESS_FORBIDDEN: 403,
  M_INCOMPATIBLE_ROOM_VERSION: 400,
  M_INVALID_PARAM: 400,
  M_INVALID_ROOM_STATE: 400,
  M_INVALID_USERNAME: 400,
  M_KEY_TOO_LARGE: 400,
  M_LIMIT_EXCEEDED: 429,
  M_MISSING_PARAM: 400,
  M_MISSING_TOKEN: 401,
  M_NOT_FOUND: 404,
  M_NOT_JSON: 400,
  M_NOT_YET_UPLOADED: 504,
  M_PROFILE_TOO_LARGE: 400,
  M_RESOURCE_LIMIT_EXCEEDED: 403,
  M_ROOM_IN_USE: 400,
  M_TOO_LARGE: 413,
  M_UNABLE_TO_AUTHORISE_JOIN: 400,
  M_UNABLE_TO_GRANT_JOIN: 400,
  M_UNAUTHORIZED: 401,
  M_UNKNOWN: 500,
  M_UNKNOWN_TOKEN: 401,
  M_UNRECOGNIZED: 404,
  M_UNSUPPORTED_ROOM_VERSION: 400,
  M_USER_DEACTIVATED: 403,
  M_USER_IN_USE: 400,
  M_USER_LIMIT_EXCEEDED: 403,
  M_USER_LOCKED: 401,
  M_USER_SUSPENDED: 403,
  M_WEAK_PASSWORD: 400,
} as const satisfies Record<string, number>

/** An errcode that Hearth sends. */
export type ErrCode = keyof typeof defaultStatus

export interface MatrixErrorOptions extends ErrorOptions {
  /** The HTTP status, where it is not the errcode's default. */
  readonly status?: number
  /** Further keys of the response body, such as `retry_after_ms`. */
  readonly fields?: Readonly<Record<string, unknown>>
}

/** A refusal that the other side may see: everything else that is thrown is a bug. */
export class MatrixError extends Error {
  override readonly name = 'MatrixError'
  readonly errcode: ErrCode
  readonly status: number
  readonly fields: Readonly<Record<string, unknown>>

  constructor(errcode: ErrCode, message: string, options: MatrixErrorOptions = {}) {
    super(message, options)
    this.errcode = errcode
    this.status = options.status ?? defaultStatus[errcode]
    this.fields = options.fields ?? {}
  }

  /** The response body. */
  toJSON(): Record<string, unknown> {
    return { ...this.fields, errcode: this.errcode, error: this.message }
  }
}

/** 403: the requester may not do this. */
export function forbidden(message: string): MatrixError {
  return new MatrixError('M_FORBIDDEN', message)
}

/** 404: there is no such thing, or none that the requester may know of. */
export function notFound(message: string): MatrixError {
  return new MatrixError('M_NOT_FOUND', message)
}

/** 400: a parameter has the right type and a value that cannot be. */
export function invalidParam(message: string): MatrixError {
  return new MatrixError('M_INVALID_PARAM', message)
}

/** 400: the body is not JSON at all. */
export function notJson(message: string): MatrixError {
  return new MatrixError('M_NOT_JSON', message)
}

/** 400: the body is JSON but not what the endpoint takes. */
export function badJson(message: string): MatrixError {
  return new MatrixError('M_BAD_JSON', message)
}

/** 429, with the time after which to try again in milliseconds. */
export function limitExceeded(retryAfterMs: number): MatrixError {
  return new MatrixError('M_LIMIT_EXCEEDED', 'Too many requests', { fields: { retry_after_ms: retryAfterMs } })
}
