import { s, type JsonObject, type RoomId } from '@hearth/protocol'
import { clientTransaction } from '@hearth/core'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/**
 * Sends a message-like event; a repeated transaction id gives the first event.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid}
 */
export const sendMessage = endpoint({
  method: 'PUT',
  path: v3('/rooms/:roomId/send/:eventType/:txnId'),
  auth: 'activeUserOrGuest',
  rateLimit: 'messages',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventType: s.string, txnId: s.string }),
  body: s.record<unknown>(s.unknown),
  response: s.object({ event_id: s.string }),
  async handle({ rooms, eventActions }, { params, body, requester }) {
    const { roomId, eventType, txnId } = params
    const { eventId } = await eventActions.sendMessage({
      requester,
      room: await rooms.get(roomId),
      type: eventType,
      content: body as JsonObject,
      transaction: clientTransaction(requester, txnId, 'sendMessage', roomId, eventType),
    })
    return { event_id: eventId }
  },
})
