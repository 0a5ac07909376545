import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'
import { checkGuestField } from './guest-fields.ts'

/** Removes a field of the own profile. {@link https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3profileuseridkeyname} */
export const deleteProfileField = endpoint({
  method: 'DELETE',
  path: v3('/profile/:userId/:keyName'),
  auth: 'activeUserOrGuest',
  rateLimit: 'profile',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), keyName: s.string }),
  response: s.object({}),
  async handle({ profiles }, { params, requester }) {
    checkOwnUser(requester, params.userId)
    checkGuestField(requester, params.keyName)
    await profiles.deleteField(requester, params.keyName)
    return {}
  },
})
