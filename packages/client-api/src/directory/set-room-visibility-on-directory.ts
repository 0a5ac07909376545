import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Lists a room or takes it off the list. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directorylistroomroomid} */
export const setRoomVisibilityOnDirectory = endpoint({
  method: 'PUT',
  path: v3('/directory/list/room/:roomId'),
  auth: 'activeUser',
  rateLimit: 'aliases',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: s.object({ visibility: s.optional(s.literal('public', 'private')) }),
  response: s.object({}),
  async handle({ rooms, roomDirectory }, { params, body, requester }) {
    const room = await rooms.get(params.roomId)
    await roomDirectory.changeVisibility(requester, room, body.visibility ?? 'public')
    return {}
  },
})
