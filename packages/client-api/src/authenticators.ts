import type { Requester, Sessions } from '@hearth/core'
import type { Authenticated, AuthenticationRequest, Authenticators } from '@hearth/http'
import { MatrixError } from '@hearth/protocol'
import type { ClientRequesters } from './context.ts'

/**
 * How the client-server API finds out who asks.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens}
 */
export function clientAuthenticators(sessions: Sessions): Authenticators<ClientRequesters> {
  const findUser = async (
    request: AuthenticationRequest,
    { evenLocked = false } = {},
  ): Promise<Authenticated<Requester> | undefined> => {
    const accessToken = request.accessToken()
    if (accessToken === undefined) return undefined
    const requester = await sessions.authenticate(accessToken, request.ip, { evenLocked })
    return { requester, subject: requester.userId, watch: (onEnd) => sessions.watch(accessToken, onEnd) }
  }
  const userOrGuest = async (request: AuthenticationRequest): Promise<Authenticated<Requester>> => {
    const authenticated = await findUser(request)
    return authenticated ?? noToken()
  }
  const user = async (request: AuthenticationRequest): Promise<Authenticated<Requester>> => {
    const authenticated = await userOrGuest(request)
    if (authenticated.requester.isGuest) {
      throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may not do this')
    }
    return authenticated
  }
  return {
    userOrGuest,
    user,
    async userEvenLocked(request) {
      return (await findUser(request, { evenLocked: true })) ?? noToken()
    },
    async activeUser(request) {
      return unsuspended(await user(request))
    },
    async activeUserOrGuest(request) {
      return unsuspended(await userOrGuest(request))
    },
    async userIfAny(request) {
      return (await findUser(request)) ?? { requester: undefined }
    },
  }
}

function noToken(): never {
  throw new MatrixError('M_MISSING_TOKEN', 'There is no access token')
}

/** {@link https://spec.matrix.org/v1.19/client-server-api/#account-suspension} */
function unsuspended(authenticated: Authenticated<Requester>): Authenticated<Requester> {
  if (authenticated.requester.isSuspended) throw new MatrixError('M_USER_SUSPENDED', 'The account is suspended')
  return authenticated
}
