import { s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/** Takes a tag away. {@link https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3useruseridroomsroomidtagstag} */
export const deleteRoomTag = endpoint({
  method: 'DELETE',
  path: v3('/user/:userId/rooms/:roomId/tags/:tag'),
  auth: 'user',
  rateLimit: 'accountData',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), roomId: s.format<RoomId>('mx-room-id'), tag: s.string }),
  response: s.object({}),
  async handle({ roomTags }, { params, requester }) {
    checkOwnUser(requester, params.userId)
    await roomTags.delete(requester, params.roomId, params.tag)
    return {}
  },
})
