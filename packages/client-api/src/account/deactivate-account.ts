import { s, type JsonObject } from '@hearth/protocol'
import { challengeAnswer } from '../auth-challenge.ts'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/**
 * Closes the account of who asks for good, with user-interactive authentication. Nothing is ever bound to it at identity
 * servers, so there is nothing to unbind. Of an account that is erased, whoever was not joined to a room when it sent
 * something there sees no more of it than if it had been redacted.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate}
 */
export const deactivateAccount = endpoint({
  method: 'POST',
  path: v3('/account/deactivate'),
  auth: 'user',
  rateLimit: 'credentials',
  allowEmptyBody: true,
  body: s.object({
    auth: s.optional(s.record<unknown>(s.unknown)),
    erase: s.optional(s.boolean),
    id_server: s.optional(s.string),
  }),
  response: s.object({ id_server_unbind_result: s.literal('success', 'no-support') }),
  async handle({ deactivation }, { body, requester, ip }) {
    const outcome = await deactivation.deactivate({
      requester,
      erase: body.erase ?? false,
      body: body as JsonObject,
      ip,
    })
    if (outcome.kind === 'challenge') return challengeAnswer(outcome.challenge)
    return { id_server_unbind_result: 'success' as const }
  },
})
