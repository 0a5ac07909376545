import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** One event, whatever its room. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3eventseventid} */
export const getOneEvent = endpoint({
  method: 'GET',
  path: v3('/events/:eventId'),
  auth: 'user',
  params: s.object({ eventId: s.format<EventId>('mx-event-id') }),
  response: s.record<unknown>(s.unknown),
  async handle({ legacyViews, rooms, timeline }, { params, requester }) {
    const event = await timeline.eventOfAnyRoom(requester, params.eventId)
    const view = await legacyViews.of(await rooms.get(event['room_id'] as RoomId), 'today')
    return view.event(event)
  },
})
