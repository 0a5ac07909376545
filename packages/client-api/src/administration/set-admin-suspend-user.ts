import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v1 } from '../paths.ts'

/** Suspends an account, or ends that. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv1adminsuspenduserid} */
export const setAdminSuspendUser = endpoint({
  method: 'PUT',
  path: v1('/admin/suspend/:userId'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  body: s.object({ suspended: s.boolean }),
  response: s.object({ suspended: s.boolean }),
  async handle({ accountModeration }, { params, body: { suspended }, requester }) {
    await accountModeration.restrict(requester, params.userId, 'suspended', suspended)
    return { suspended }
  },
})
