import { s, type JsonObject, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/**
 * The content of a key of a room's state, or the whole event with `format=event`.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey}
 */
export const getRoomStateWithKey = endpoint({
  method: 'GET',
  path: [
    v3('/rooms/:roomId/state/:eventType'),
    v3('/rooms/:roomId/state/:eventType/'),
    v3('/rooms/:roomId/state/:eventType/:stateKey'),
  ],
  auth: 'userOrGuest',
  params: s.object({
    roomId: s.format<RoomId>('mx-room-id'),
    eventType: s.string,
    stateKey: s.optional(s.string),
  }),
  query: s.object({ format: s.optional(s.literal('content', 'event')) }),
  response: s.record<unknown>(s.unknown),
  async handle({ rooms, roomState }, { params, query, requester }) {
    const room = await rooms.get(params.roomId)
    const event = await roomState.get(requester, room, params.eventType, params.stateKey ?? '')
    return query.format === 'event' ? event : (event['content'] as JsonObject)
  },
})
