import { RemoteError, ServerUnreachable } from '@hearth/federation-client'
import { forbidden, MatrixError, notFound } from '@hearth/protocol'

/** Whether an error says that another server refused or gave no answer. Anything else is ours. */
export function isRemoteFailure(error: unknown): error is RemoteError | ServerUnreachable {
  return error instanceof RemoteError || error instanceof ServerUnreachable
}

/**
 * What a client is told when the server that was asked on its behalf does not give what it asked for: that there is
 * nothing (404), that it may not have it (403), and otherwise that the other server failed (502). Texts of the other
 * server are not handed on. What is no failure of the other server is thrown again as it is.
 */
export function refusalOf(error: unknown, what: string): MatrixError {
  if (!isRemoteFailure(error)) throw error
  if (error instanceof RemoteError && error.status === 404) return notFound(`${what} not found`)
  if (error instanceof RemoteError && error.status === 403) return forbidden(`${what}: the other server refuses`)
  return new MatrixError('M_UNKNOWN', `${what}: the other server gives no answer`, { status: 502, cause: error })
}
