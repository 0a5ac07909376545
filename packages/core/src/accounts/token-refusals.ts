import { MatrixError } from '@hearth/protocol'

/** The answer to an access token that is none, or no longer one. */
export function unknownToken(): MatrixError {
  return new MatrixError('M_UNKNOWN_TOKEN', 'Unknown access token')
}

/** The answer to an access token of a locked account: it will be good again when the account is unlocked. */
export function lockedAccount(): MatrixError {
  return new MatrixError('M_USER_LOCKED', 'The account is locked', { fields: { soft_logout: true } })
}

/** The answer to an access token that was valid for some time: the client can get another one. */
export function expiredToken(): MatrixError {
  return new MatrixError('M_UNKNOWN_TOKEN', 'The access token has expired', { fields: { soft_logout: true } })
}
