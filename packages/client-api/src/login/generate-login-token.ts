import { s, type JsonObject } from '@hearth/protocol'
import { challengeAnswer } from '../auth-challenge.ts'
import { endpoint } from '../context.ts'

/**
 * Gives a token with which another device can log in, with user-interactive authentication.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv1loginget_token}
 */
export const generateLoginToken = endpoint({
  method: 'POST',
  path: '/_matrix/client/v1/login/get_token',
  auth: 'user',
  rateLimit: 'loginTokens',
  allowEmptyBody: true,
  body: s.object({ auth: s.optional(s.record<unknown>(s.unknown)) }),
  response: s.object({ login_token: s.string, expires_in_ms: s.integer }),
  async handle({ loginTokens }, { body, requester, ip }) {
    const outcome = await loginTokens.generate(requester, body as JsonObject, ip)
    if (outcome.kind === 'challenge') return challengeAnswer(outcome.challenge)
    return { login_token: outcome.loginToken, expires_in_ms: outcome.expiresInMs }
  },
})
