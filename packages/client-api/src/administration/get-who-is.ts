import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

const connection = s.object({ ip: s.string, last_seen: s.integer })
const session = s.object({ connections: s.array(connection) })

/** Where the devices of a user were seen last. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3adminwhoisuserid} */
export const getWhoIs = endpoint({
  method: 'GET',
  path: v3('/admin/whois/:userId'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  response: s.object({ user_id: s.string, devices: s.record(s.object({ sessions: s.array(session) })) }),
  async handle({ accountModeration }, { params: { userId }, requester }) {
    const devices = await accountModeration.devicesOf(requester, userId)
    const sessionsOf = ({ lastSeenIp: ip, lastSeenTs }: (typeof devices)[number]) => ({
      sessions: [{ connections: [{ ip, last_seen: lastSeenTs }] }],
    })
    return {
      user_id: userId,
      devices: Object.fromEntries(devices.map((device) => [device.deviceId, sessionsOf(device)])),
    }
  },
})
