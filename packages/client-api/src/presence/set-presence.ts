import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/** Says how the requester is. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3presenceuseridstatus} */
export const setPresence = endpoint({
  method: 'PUT',
  path: v3('/presence/:userId/status'),
  auth: 'user',
  rateLimit: 'presence',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  body: s.object({
    presence: s.literal('online', 'unavailable', 'offline'),
    status_msg: s.optional(s.refine<string | null>(s.string, { type: ['string', 'null'] })),
  }),
  response: s.object({}),
  async handle({ presence }, { params, body, requester }) {
    checkOwnUser(requester, params.userId)
    await presence.set(requester, body.presence, body.status_msg ?? undefined)
    return {}
  },
})
