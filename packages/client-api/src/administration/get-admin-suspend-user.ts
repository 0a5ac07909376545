import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v1 } from '../paths.ts'

/** Whether an account is suspended. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1adminsuspenduserid} */
export const getAdminSuspendUser = endpoint({
  method: 'GET',
  path: v1('/admin/suspend/:userId'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  response: s.object({ suspended: s.boolean }),
  async handle({ accountModeration }, { params, requester }) {
    return { suspended: await accountModeration.isUnder(requester, params.userId, 'suspended') }
  },
})
