import { MatrixError, s } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/**
 * Tells who a user is who has shown a token from `openid/request_token`. Whoever has one may ask: it says nothing else.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1openiduserinfo}
 */
export const exchangeOpenIdToken = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/openid/userinfo',
  auth: 'none',
  rateLimit: 'openIdExchange',
  query: s.object({ access_token: s.optional(s.string) }),
  response: s.object({ sub: s.string }),
  async handle({ openIdTokens }, { query: { access_token: token } }) {
    if (token === undefined) throw new MatrixError('M_MISSING_TOKEN', 'There is no access token')
    const userId = await openIdTokens.userOf(token)
    if (userId === undefined) throw new MatrixError('M_UNKNOWN_TOKEN', 'Access token unknown or expired')
    return { sub: userId }
  },
})
