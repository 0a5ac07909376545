import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** One event of a room. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid} */
export const getOneRoomEvent = endpoint({
  method: 'GET',
  path: v3('/rooms/:roomId/event/:eventId'),
  auth: 'userOrGuest',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.format<EventId>('mx-event-id') }),
  response: s.record<unknown>(s.unknown),
  async handle({ rooms, timeline }, { params, requester }) {
    const room = await rooms.find(params.roomId)
    return timeline.event(requester, room, params.eventId)
  },
})
