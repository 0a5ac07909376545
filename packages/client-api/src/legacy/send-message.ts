import { s, type JsonObject, type RoomId } from '@hearth/protocol'
import { checkFoundingMessage, clientTransaction } from '@hearth/core'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** Sends an event; a repeated transaction id gives the first one. Founding API. */
export const legacySendMessage = endpoint({
  method: 'PUT',
  path: founding('/rooms/:roomId/send/:eventType/:txnId'),
  auth: 'activeUser',
  rateLimit: 'messages',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventType: s.string, txnId: s.string }),
  body: s.record<unknown>(s.unknown),
  response: s.object({ event_id: s.string }),
  async handle({ rooms, eventActions }, { params, body, requester }) {
    const { roomId, eventType, txnId } = params
    const content = body as JsonObject
    checkFoundingMessage(eventType, content)
    const { eventId } = await eventActions.sendMessage({
      requester,
      room: await rooms.get(roomId),
      type: eventType,
      content,
      transaction: clientTransaction(requester, txnId, 'sendMessage', roomId, eventType),
    })
    return { event_id: eventId }
  },
})
