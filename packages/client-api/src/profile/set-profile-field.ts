import { MatrixError, s, type JsonValue, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3AndFounding } from '../paths.ts'
import { checkGuestField } from './guest-fields.ts'

/** Sets a field of the own profile. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3profileuseridkeyname} */
export const setProfileField = endpoint({
  method: 'PUT',
  path: v3AndFounding('/profile/:userId/:keyName'),
  auth: 'activeUserOrGuest',
  rateLimit: 'profile',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), keyName: s.string }),
  body: s.record<unknown>(s.unknown),
  response: s.object({}),
  async handle({ profiles }, { params, body, requester }) {
    checkOwnUser(requester, params.userId)
    checkGuestField(requester, params.keyName)
    const { keyName } = params
    if (!Object.hasOwn(body, keyName)) throw new MatrixError('M_MISSING_PARAM', `${keyName} is missing`)
    await profiles.setField(requester, keyName, body[keyName] as JsonValue)
    return {}
  },
})
