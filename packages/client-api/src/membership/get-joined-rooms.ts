import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** The rooms that the requester is joined to. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3joined_rooms} */
export const getJoinedRooms = endpoint({
  method: 'GET',
  path: v3AndFounding('/joined_rooms'),
  auth: 'user',
  response: s.object({ joined_rooms: s.array(s.string) }),
  async handle({ membership }, { requester }) {
    return { joined_rooms: await membership.joinedRooms(requester) }
  },
})
