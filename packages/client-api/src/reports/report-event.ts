import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Reports an event to the administrators. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreporteventid} */
export const reportEvent = endpoint({
  method: 'POST',
  path: v3('/rooms/:roomId/report/:eventId'),
  auth: 'user',
  rateLimit: 'reports',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.format<EventId>('mx-event-id') }),
  body: s.object({ reason: s.optional(s.format<string>('storable-text')) }),
  response: s.object({}),
  async handle({ reports }, { params, body, requester }) {
    await reports.reportEvent(requester, params.roomId, params.eventId, body.reason ?? '')
    return {}
  },
})
