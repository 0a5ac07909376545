import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Ends the session that asks, and its device. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logout} */
export const logout = endpoint({
  method: 'POST',
  path: v3('/logout'),
  auth: 'userEvenLocked',
  response: s.object({}),
  async handle({ sessions }, { requester }) {
    await sessions.close(requester)
    return {}
  },
})
