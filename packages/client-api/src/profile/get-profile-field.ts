import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** One field of a profile. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuseridkeyname} */
export const getProfileField = endpoint({
  method: 'GET',
  path: v3AndFounding('/profile/:userId/:keyName'),
  auth: 'none',
  rateLimit: 'profileLookup',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), keyName: s.string }),
  response: s.record<unknown>(s.unknown),
  handle({ profiles }, { params }) {
    return profiles.getField(params.userId, params.keyName)
  },
})
