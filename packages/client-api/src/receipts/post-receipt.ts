import { invalidParam, s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Says how far the requester has read. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreceiptreceipttypeeventid} */
export const postReceipt = endpoint({
  method: 'POST',
  path: v3('/rooms/:roomId/receipt/:receiptType/:eventId'),
  auth: 'user',
  rateLimit: 'receipts',
  params: s.object({
    roomId: s.format<RoomId>('mx-room-id'),
    receiptType: s.literal('m.read', 'm.read.private', 'm.fully_read'),
    eventId: s.format<EventId>('mx-event-id'),
  }),
  allowEmptyBody: true,
  body: s.object({ thread_id: s.optional(s.unknown) }),
  response: s.object({}),
  async handle({ rooms, receipts, readMarkers }, { params, body, requester }) {
    const { receiptType: type, eventId } = params
    const threadId = body.thread_id
    if (threadId !== undefined && (typeof threadId !== 'string' || threadId === '')) {
      throw invalidParam('thread_id has to be a string that is not empty')
    }
    const room = await rooms.get(params.roomId)
    if (type !== 'm.fully_read') await receipts.send({ requester, room, type, eventId, threadId })
    else if (threadId === undefined) await readMarkers.set({ requester, room, fullyRead: eventId })
    else throw invalidParam('thread_id: this marker is for the whole room')
    return {}
  },
})
