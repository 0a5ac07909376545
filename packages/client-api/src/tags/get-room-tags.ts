import { s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/** The tags of a room. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidtags} */
export const getRoomTags = endpoint({
  method: 'GET',
  path: v3('/user/:userId/rooms/:roomId/tags'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), roomId: s.format<RoomId>('mx-room-id') }),
  response: s.object({ tags: s.record<unknown>(s.unknown) }),
  async handle({ roomTags }, { params, requester }) {
    checkOwnUser(requester, params.userId)
    return { tags: await roomTags.list(requester, params.roomId) }
  },
})
