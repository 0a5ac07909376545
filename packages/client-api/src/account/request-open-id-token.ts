import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/**
 * Gives a token with which a user can show a third party who they are.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridopenidrequest_token}
 */
export const requestOpenIdToken = endpoint({
  method: 'POST',
  path: v3('/user/:userId/openid/request_token'),
  auth: 'user',
  rateLimit: 'openIdTokens',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  allowEmptyBody: true,
  body: s.record<unknown>(s.unknown),
  response: s.object({
    access_token: s.string,
    token_type: s.string,
    matrix_server_name: s.string,
    expires_in: s.integer,
  }),
  async handle({ openIdTokens, server }, { params, requester }) {
    checkOwnUser(requester, params.userId)
    const { token, expiresInS } = await openIdTokens.generate(requester)
    return {
      access_token: token,
      token_type: 'Bearer',
      matrix_server_name: server.serverName,
      expires_in: expiresInS,
    }
  },
})
