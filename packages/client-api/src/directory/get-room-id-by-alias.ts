import { s, type RoomAlias } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** The room of an alias, and servers that are in it. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directoryroomroomalias} */
export const getRoomIdByAlias = endpoint({
  method: 'GET',
  path: v3AndFounding('/directory/room/:roomAlias'),
  auth: 'none',
  rateLimit: 'directory',
  params: s.object({ roomAlias: s.format<RoomAlias>('mx-room-alias') }),
  response: s.object({ room_id: s.string, servers: s.array(s.string) }),
  async handle({ aliases }, { params }) {
    const { roomId, servers } = await aliases.resolve(params.roomAlias)
    return { room_id: roomId, servers }
  },
})
