import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** What a user shows of themselves, to anybody. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuserid} */
export const getUserProfile = endpoint({
  method: 'GET',
  path: v3AndFounding('/profile/:userId'),
  auth: 'none',
  rateLimit: 'profileLookup',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  response: s.record<unknown>(s.unknown),
  handle({ profiles }, { params }) {
    return profiles.get(params.userId)
  },
})
