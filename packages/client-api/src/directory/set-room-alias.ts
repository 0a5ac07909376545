import { s, type RoomAlias, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** Gives a room a name. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directoryroomroomalias} */
export const setRoomAlias = endpoint({
  method: 'PUT',
  path: v3AndFounding('/directory/room/:roomAlias'),
  auth: 'activeUser',
  rateLimit: 'aliases',
  params: s.object({ roomAlias: s.format<RoomAlias>('mx-room-alias') }),
  body: s.object({ room_id: s.format<RoomId>('mx-room-id') }),
  response: s.object({}),
  async handle({ aliases }, { params, body, requester }) {
    await aliases.set(requester, params.roomAlias, body.room_id)
    return {}
  },
})
