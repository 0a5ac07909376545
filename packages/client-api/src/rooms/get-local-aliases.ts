import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** The names that this server gives to a room. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidaliases} */
export const getLocalAliases = endpoint({
  method: 'GET',
  path: v3('/rooms/:roomId/aliases'),
  auth: 'user',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  response: s.object({ aliases: s.array(s.string) }),
  async handle({ rooms, aliases }, { params, requester }) {
    return { aliases: await aliases.list(requester, await rooms.get(params.roomId)) }
  },
})
