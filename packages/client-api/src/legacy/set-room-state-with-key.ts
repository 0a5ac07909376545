import { s, type JsonObject, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** Sets a key of a room's state; without a key, the empty one. Founding API. */
export const legacySetRoomStateWithKey = endpoint({
  method: 'PUT',
  path: [
    founding('/rooms/:roomId/state/:eventType'),
    founding('/rooms/:roomId/state/:eventType/'),
    founding('/rooms/:roomId/state/:eventType/:stateKey'),
  ],
  auth: 'activeUser',
  rateLimit: 'messages',
  params: s.object({
    roomId: s.format<RoomId>('mx-room-id'),
    eventType: s.string,
    stateKey: s.optional(s.string),
  }),
  body: s.record<unknown>(s.unknown),
  response: s.object({ event_id: s.string }),
  async handle({ rooms, foundingState }, { params, body, requester }) {
    const eventId = await foundingState.set({
      requester,
      room: await rooms.get(params.roomId),
      type: params.eventType,
      stateKey: params.stateKey ?? '',
      content: body as JsonObject,
    })
    return { event_id: eventId }
  },
})
