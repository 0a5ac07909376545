import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** Strips an event of its content, without a transaction id. Founding API; clients of today's have always been let do it. */
export const legacyRedactEvent = endpoint({
  method: 'POST',
  path: v3AndFounding('/rooms/:roomId/redact/:eventId'),
  auth: 'user',
  rateLimit: 'messages',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.format<EventId>('mx-event-id') }),
  allowEmptyBody: true,
  body: s.object({ reason: s.optional(s.string) }),
  response: s.object({ event_id: s.string }),
  async handle({ rooms, eventActions }, { params, body, requester }) {
    const room = await rooms.get(params.roomId)
    const sent = await eventActions.redact({ requester, room, eventId: params.eventId, reason: body.reason })
    return { event_id: sent.eventId }
  },
})
