import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Reports a user to the administrators. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3usersuseridreport} */
export const reportUser = endpoint({
  method: 'POST',
  path: v3('/users/:userId/report'),
  auth: 'user',
  rateLimit: 'reports',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  body: s.object({ reason: s.format<string>('storable-text') }),
  response: s.object({}),
  async handle({ reports }, { params, body, requester }) {
    await reports.reportUser(requester, params.userId, body.reason)
    return {}
  },
})
