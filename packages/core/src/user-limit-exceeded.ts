import { MatrixError } from '@hearth/protocol'

/**
 * 403: the user has as much of something as one user may have. The specification wants a page that explains it, and its own
 * does. {@link https://spec.matrix.org/v1.19/client-server-api/#common-error-codes}
 */
export function userLimitExceeded(message: string): MatrixError {
  const fields = { info_uri: 'https://spec.matrix.org/v1.19/client-server-api/#common-error-codes' }
  return new MatrixError('M_USER_LIMIT_EXCEEDED', message, { fields })
}
