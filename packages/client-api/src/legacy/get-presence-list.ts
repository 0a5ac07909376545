import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { founding } from '../paths.ts'

/** Those on the requester's presence list, and how they are. Founding API. */
export const legacyGetPresenceList = endpoint({
  method: 'GET',
  path: [founding('/presence/list'), founding('/presence/list/:userId')],
  auth: 'user',
  params: s.object({ userId: s.optional(s.format<UserId>('mx-user-id')) }),
  response: s.array(
    s.object({
      user_id: s.format<UserId>('mx-user-id'),
      presence: s.literal('online', 'unavailable', 'offline', 'free_for_chat', 'hidden'),
      status_msg: s.optional(s.string),
      last_active_ago: s.optional(s.integer),
    }),
  ),
  async handle({ presenceLists }, { params, requester }) {
    if (params.userId !== undefined) checkOwnUser(requester, params.userId)
    const listed = await presenceLists.list(requester)
    return listed.map(({ currently_active: _, ...status }) => status)
  },
})
