import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** Whether a registration token can be used. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1registermloginregistration_tokenvalidity} */
export const registrationTokenValidity = endpoint({
  method: 'GET',
  path: '/_matrix/client/v1/register/m.login.registration_token/validity',
  auth: 'none',
  rateLimit: 'registrationToken',
  query: s.object({ token: s.string }),
  response: s.object({ valid: s.boolean }),
  async handle({ registration }, { query }) {
    return { valid: await registration.isTokenUsable(query.token) }
  },
})
