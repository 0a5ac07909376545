import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { founding } from '../paths.ts'

const users = s.optional(s.array(s.format<UserId>('mx-user-id'), { maxItems: 20 }))

/** Puts users on the requester's presence list and takes them off, and answers who asked for the requester. Founding API. */
export const legacyChangePresenceList = endpoint({
  method: 'POST',
  path: [founding('/presence/list'), founding('/presence/list/:userId')],
  auth: 'user',
  rateLimit: 'presence',
  params: s.object({ userId: s.optional(s.format<UserId>('mx-user-id')) }),
  body: s.object({ invite: users, drop: users, accept: users, deny: users }),
  response: s.object({}),
  async handle({ presenceLists }, { params, body, requester }) {
    if (params.userId !== undefined) checkOwnUser(requester, params.userId)
    await presenceLists.change(requester, body)
    return {}
  },
})
