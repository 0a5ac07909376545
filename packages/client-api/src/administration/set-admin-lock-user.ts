import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v1 } from '../paths.ts'

/** Locks an account, or unlocks it. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv1adminlockuserid} */
export const setAdminLockUser = endpoint({
  method: 'PUT',
  path: v1('/admin/lock/:userId'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  body: s.object({ locked: s.boolean }),
  response: s.object({ locked: s.boolean }),
  async handle({ accountModeration }, { params, body: { locked }, requester }) {
    await accountModeration.restrict(requester, params.userId, 'locked', locked)
    return { locked }
  },
})
