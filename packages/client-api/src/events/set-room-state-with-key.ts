import { s, type JsonObject, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/**
 * Sets a key of a room's state; without a key, the empty one.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey}
 */
export const setRoomStateWithKey = endpoint({
  method: 'PUT',
  path: [
    v3('/rooms/:roomId/state/:eventType'),
    v3('/rooms/:roomId/state/:eventType/'),
    v3('/rooms/:roomId/state/:eventType/:stateKey'),
  ],
  auth: 'activeUserOrGuest',
  rateLimit: 'messages',
  params: s.object({
    roomId: s.format<RoomId>('mx-room-id'),
    eventType: s.string,
    stateKey: s.optional(s.string),
  }),
  body: s.record<unknown>(s.unknown),
  response: s.object({ event_id: s.string }),
  async handle({ rooms, eventActions }, { params, body, requester }) {
    const { eventId } = await eventActions.sendState({
      requester,
      room: await rooms.get(params.roomId),
      type: params.eventType,
      stateKey: params.stateKey ?? '',
      content: body as JsonObject,
    })
    return { event_id: eventId }
  },
})
