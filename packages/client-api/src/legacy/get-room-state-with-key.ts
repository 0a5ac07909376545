import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** The content of a key of a room's state; without a key, of the empty one. Founding API. */
export const legacyGetRoomStateWithKey = endpoint({
  method: 'GET',
  path: [
    founding('/rooms/:roomId/state/:eventType'),
    founding('/rooms/:roomId/state/:eventType/'),
    founding('/rooms/:roomId/state/:eventType/:stateKey'),
  ],
  auth: 'user',
  params: s.object({
    roomId: s.format<RoomId>('mx-room-id'),
    eventType: s.string,
    stateKey: s.optional(s.string),
  }),
  response: s.record<unknown>(s.unknown),
  async handle({ rooms, foundingState }, { params, requester }) {
    const room = await rooms.get(params.roomId)
    return foundingState.get(requester, room, params.eventType, params.stateKey ?? '')
  },
})
