import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { founding } from '../paths.ts'

/** Says how the requester is. Founding API. */
export const legacySetPresence = endpoint({
  method: 'PUT',
  path: founding('/presence/:userId/status'),
  auth: 'user',
  rateLimit: 'presence',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  // Other keys are refused, as the founding API has it.
  body: s.refine(
    s.object({
      presence: s.literal('online', 'unavailable', 'offline', 'free_for_chat', 'hidden'),
      status_msg: s.optional(s.string),
    }),
    { additionalProperties: false },
  ),
  response: s.object({}),
  async handle({ presence }, { params, body, requester }) {
    checkOwnUser(requester, params.userId)
    await presence.set(requester, body.presence, body.status_msg)
    return {}
  },
})
