import { s, type EventId, type RoomId } from '@hearth/protocol'
import { clientTransaction } from '@hearth/core'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** Strips an event of its content. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid} */
export const redactEvent = endpoint({
  method: 'PUT',
  path: v3AndFounding('/rooms/:roomId/redact/:eventId/:txnId'),
  auth: 'user',
  rateLimit: 'messages',
  params: s.object({
    roomId: s.format<RoomId>('mx-room-id'),
    eventId: s.format<EventId>('mx-event-id'),
    txnId: s.string,
  }),
  allowEmptyBody: true,
  body: s.object({ reason: s.optional(s.string) }),
  response: s.object({ event_id: s.string }),
  async handle({ rooms, eventActions }, { params, body, requester }) {
    const { roomId, eventId, txnId } = params
    const sent = await eventActions.redact({
      requester,
      room: await rooms.get(roomId),
      eventId,
      reason: body.reason,
      transaction: clientTransaction(requester, txnId, 'redactEvent', roomId, eventId),
    })
    return { event_id: sent.eventId }
  },
})
