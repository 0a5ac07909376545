import { plainState } from '@hearth/core'
import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** How a user is. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3presenceuseridstatus} */
export const getPresence = endpoint({
  method: 'GET',
  path: v3('/presence/:userId/status'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  response: s.object({
    presence: s.literal('online', 'unavailable', 'offline'),
    status_msg: s.optional(s.string),
    last_active_ago: s.optional(s.integer),
    currently_active: s.optional(s.boolean),
  }),
  async handle({ presence }, { params, requester }) {
    const status = await presence.status(requester, params.userId)
    return { ...status, presence: plainState(status.presence) }
  },
})
