import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

const eventId = s.optional(s.format<EventId>('mx-event-id'))

/** Moves the requester's read marker, and their receipts along with it. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidread_markers} */
export const setReadMarker = endpoint({
  method: 'POST',
  path: v3('/rooms/:roomId/read_markers'),
  auth: 'user',
  rateLimit: 'receipts',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: s.object({ 'm.fully_read': eventId, 'm.read': eventId, 'm.read.private': eventId }),
  response: s.object({}),
  async handle({ rooms, readMarkers }, { params, body, requester }) {
    const room = await rooms.get(params.roomId)
    const receipts = { 'm.read': body['m.read'], 'm.read.private': body['m.read.private'] }
    await readMarkers.set({ requester, room, fullyRead: body['m.fully_read'], receipts })
    return {}
  },
})
