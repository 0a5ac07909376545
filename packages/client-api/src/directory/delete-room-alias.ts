import { s, type RoomAlias } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** Takes a name off a room. {@link https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias} */
export const deleteRoomAlias = endpoint({
  method: 'DELETE',
  path: v3AndFounding('/directory/room/:roomAlias'),
  auth: 'activeUser',
  rateLimit: 'aliases',
  params: s.object({ roomAlias: s.format<RoomAlias>('mx-room-alias') }),
  response: s.object({}),
  async handle({ aliases }, { params, requester }) {
    await aliases.remove(requester, params.roomAlias)
    return {}
  },
})
