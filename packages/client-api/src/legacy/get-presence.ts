import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** How a user is. Founding API. */
export const legacyGetPresence = endpoint({
  method: 'GET',
  path: founding('/presence/:userId/status'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  response: s.object({
    presence: s.literal('online', 'unavailable', 'offline', 'free_for_chat', 'hidden'),
    status_msg: s.optional(s.string),
    last_active_ago: s.optional(s.integer),
  }),
  async handle({ presence }, { params, requester }) {
    const { currently_active: _, ...status } = await presence.status(requester, params.userId)
    return status
  },
})
