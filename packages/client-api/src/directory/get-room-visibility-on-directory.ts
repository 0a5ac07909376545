import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Whether a room is listed. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directorylistroomroomid} */
export const getRoomVisibilityOnDirectory = endpoint({
  method: 'GET',
  path: v3('/directory/list/room/:roomId'),
  auth: 'none',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  response: s.object({ visibility: s.literal('public', 'private') }),
  async handle({ rooms, roomDirectory }, { params }) {
    return { visibility: await roomDirectory.visibilityOf(await rooms.get(params.roomId)) }
  },
})
