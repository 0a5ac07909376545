import { checkFoundingMessage } from '@hearth/core'
import { s, type JsonObject, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** Sends an event without a transaction id: every request makes another. Founding API. */
export const legacySendEvent = endpoint({
  method: 'POST',
  path: founding('/rooms/:roomId/send/:eventType'),
  auth: 'activeUser',
  rateLimit: 'messages',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventType: s.string }),
  body: s.record<unknown>(s.unknown),
  response: s.object({ event_id: s.string }),
  async handle({ rooms, eventActions }, { params, body, requester }) {
    const content = body as JsonObject
    checkFoundingMessage(params.eventType, content)
    const room = await rooms.get(params.roomId)
    const { eventId } = await eventActions.sendMessage({ requester, room, type: params.eventType, content })
    return { event_id: eventId }
  },
})
