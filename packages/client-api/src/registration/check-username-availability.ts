import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Whether a user name is free. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3registeravailable} */
export const checkUsernameAvailability = endpoint({
  method: 'GET',
  path: v3('/register/available'),
  auth: 'none',
  rateLimit: 'availability',
  query: s.object({ username: s.string }),
  response: s.object({ available: s.boolean }),
  async handle({ registration }, { query }) {
    await registration.checkAvailable(query.username)
    return { available: true }
  },
})
