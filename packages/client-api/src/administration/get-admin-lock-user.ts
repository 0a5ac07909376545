import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v1 } from '../paths.ts'

/** Whether an account is locked. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1adminlockuserid} */
export const getAdminLockUser = endpoint({
  method: 'GET',
  path: v1('/admin/lock/:userId'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  response: s.object({ locked: s.boolean }),
  async handle({ accountModeration }, { params, requester }) {
    return { locked: await accountModeration.isUnder(requester, params.userId, 'locked') }
  },
})
