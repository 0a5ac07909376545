import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

const off = { enabled: false }
const on = { enabled: true }

/** What this server lets its users do. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3capabilities} */
export const getCapabilities = endpoint({
  method: 'GET',
  path: v3('/capabilities'),
  auth: 'user',
  response: s.object({ capabilities: s.record<unknown>(s.unknown) }),
  handle({ server }, { requester }) {
    return {
      capabilities: {
        'm.room_versions': { default: server.defaultRoomVersion, available: server.roomVersions },
        // Clients take a capability that is not listed for one that they have.
        'm.change_password': on,
        'm.set_displayname': on,
        'm.set_avatar_url': on,
        'm.profile_fields': on,
        'm.3pid_changes': off,
        'm.get_login_token': on,
        ...(requester.isAdmin && { 'm.account_moderation': { suspend: true, lock: true } }),
      },
    }
  },
})
