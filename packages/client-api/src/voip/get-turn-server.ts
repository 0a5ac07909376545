import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/**
 * How to reach the TURN servers. Without any, the answer is empty: clients then do without.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3voipturnserver}
 */
export const getTurnServer = endpoint({
  method: 'GET',
  path: v3AndFounding('/voip/turnServer'),
  auth: 'user',
  rateLimit: 'turnServer',
  response: s.object({
    username: s.optional(s.string),
    password: s.optional(s.string),
    uris: s.optional(s.array(s.string)),
    ttl: s.optional(s.integer),
  }),
  handle({ turnCredentials }, { requester }) {
    const access = turnCredentials.of(requester.userId)
    return access ? { ...access, uris: [...access.uris] } : {}
  },
})
