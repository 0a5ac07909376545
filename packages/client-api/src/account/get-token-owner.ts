import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Whose access token this is. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3accountwhoami} */
export const getTokenOwner = endpoint({
  method: 'GET',
  path: v3('/account/whoami'),
  auth: 'userOrGuest',
  response: s.object({ user_id: s.string, device_id: s.string, is_guest: s.boolean }),
  handle(_context, { requester }) {
    return { user_id: requester.userId, device_id: requester.deviceId, is_guest: requester.isGuest }
  },
})
