import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Reports a room to the administrators. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreport} */
export const reportRoom = endpoint({
  method: 'POST',
  path: v3('/rooms/:roomId/report'),
  auth: 'user',
  rateLimit: 'reports',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: s.object({ reason: s.format<string>('storable-text') }),
  response: s.object({}),
  async handle({ reports }, { params, body, requester }) {
    await reports.reportRoom(requester, params.roomId, body.reason)
    return {}
  },
})
