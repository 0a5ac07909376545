import type { Requester, Sessions } from '@hearth/core'
import type { Authenticated, AuthenticationRequest, Authenticators } from '@hearth/http'
import { MatrixError } from '@hearth/protocol'
import type { ClientRequesters } from './context.ts'

/**
 * How the client-server API finds out who asks.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens}
 */
export function clientAuthenticators(sessions: Sessions): Authenticators<ClientRequesters> {
  const findUser = async (request: AuthenticationRequest): Promise<Authenticated<Requester> | undefined> => {
    const accessToken = request.accessToken()
    if (accessToken === undefined) return undefined
    const requester = await sessions.authenticate(accessToken, request.ip)
    return { requester, subject: requester.userId, watch: (onEnd) => sessions.watch(accessToken, onEnd) }
  }
  const userOrGuest = async (request: AuthenticationRequest): Promise<Authenticated<Requester>> => {
    const authenticated = await findUser(request)
    if (authenticated === undefined) throw new MatrixError('M_MISSING_TOKEN', 'There is no access token')
    return authenticated
  }
  return {
    userOrGuest,
    async user(request) {
      const authenticated = await userOrGuest(request)
      if (authenticated.requester.isGuest) {
        throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may not do this')
      }
      return authenticated
    },
    async userIfAny(request) {
      return (await findUser(request)) ?? { requester: undefined }
    },
  }
}
