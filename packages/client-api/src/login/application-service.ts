import { MatrixError } from '@hearth/protocol'

/** The type with which application services register and log in their users. */
export const APPLICATION_SERVICE = 'm.login.application_service'

/** The refusal of who says to be an application service: none is known to this server, so the token can be none's. */
export function noApplicationService(): MatrixError {
  return new MatrixError('M_UNKNOWN_TOKEN', 'No application service has this token')
}
