import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** One event of a room. Founding API. */
export const legacyGetOneRoomEvent = endpoint({
  method: 'GET',
  path: founding('/rooms/:roomId/event/:eventId'),
  auth: 'user',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.format<EventId>('mx-event-id') }),
  response: s.record<unknown>(s.unknown),
  async handle({ foundingTimeline }, { params, requester }) {
    return foundingTimeline.event(requester, params.eventId, params.roomId)
  },
})
