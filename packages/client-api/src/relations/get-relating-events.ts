import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v1 } from '../paths.ts'
import { relationsPage, relationsQuery, relationsResponse } from './relations-page.ts'

/** The events that relate to one. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventid} */
export const getRelatingEvents = endpoint({
  method: 'GET',
  path: v1('/rooms/:roomId/relations/:eventId'),
  auth: 'user',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.format<EventId>('mx-event-id') }),
  query: relationsQuery,
  response: relationsResponse,
  handle: relationsPage,
})
