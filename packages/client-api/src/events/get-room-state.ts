import { jsonPieces } from '@hearth/core'
import { streamedJson } from '@hearth/http'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** A room's state events. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate} */
export const getRoomState = endpoint({
  method: 'GET',
  path: v3('/rooms/:roomId/state'),
  auth: 'userOrGuest',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  response: s.array<unknown>(s.unknown),
  async handle({ rooms, roomState }, { params, requester }) {
    const events = await roomState.list(requester, await rooms.get(params.roomId))
    return streamedJson(jsonPieces('[', events, ']'))
  },
})
