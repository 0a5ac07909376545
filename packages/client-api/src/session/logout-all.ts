import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Ends all sessions of a user, and their devices. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logoutall} */
export const logoutAll = endpoint({
  method: 'POST',
  path: v3('/logout/all'),
  auth: 'userEvenLocked',
  response: s.object({}),
  async handle({ sessions }, { requester }) {
    await sessions.closeAll(requester)
    return {}
  },
})
