import { s, type JsonObject, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Sends an event without a transaction id: every request makes another. Left from the founding API, and still in use. */
export const sendEvent = endpoint({
  method: 'POST',
  path: v3('/rooms/:roomId/send/:eventType'),
  auth: 'activeUser',
  rateLimit: 'messages',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventType: s.string }),
  body: s.record<unknown>(s.unknown),
  response: s.object({ event_id: s.string }),
  async handle({ rooms, eventActions }, { params, body, requester }) {
    const room = await rooms.get(params.roomId)
    const content = body as JsonObject
    const { eventId } = await eventActions.sendMessage({ requester, room, type: params.eventType, content })
    return { event_id: eventId }
  },
})
