import { s, type JsonObject, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/** Tags a room. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidtagstag} */
export const setRoomTag = endpoint({
  method: 'PUT',
  path: v3('/user/:userId/rooms/:roomId/tags/:tag'),
  auth: 'user',
  rateLimit: 'accountData',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), roomId: s.format<RoomId>('mx-room-id'), tag: s.string }),
  body: s.record<unknown>(s.unknown),
  response: s.object({}),
  async handle({ roomTags }, { params, body, requester }) {
    checkOwnUser(requester, params.userId)
    await roomTags.set(requester, params.roomId, params.tag, body as JsonObject)
    return {}
  },
})
