import { jsonPieces } from '@hearth/core'
import { streamedJson } from '@hearth/http'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** The joined users and what they are called. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidjoined_members} */
export const getJoinedMembersByRoom = endpoint({
  method: 'GET',
  path: v3AndFounding('/rooms/:roomId/joined_members'),
  auth: 'user',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  response: s.object({ joined: s.record<unknown>(s.unknown) }),
  async handle({ rooms, roomState }, { params, requester }) {
    const names = await roomState.joinedMembers(requester, await rooms.get(params.roomId))
    return streamedJson(jsonPieces('{"joined":{', names, '}}'))
  },
})
