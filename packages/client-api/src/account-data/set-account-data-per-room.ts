import { s, type JsonObject, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/** Sets an entry of the account data of a room. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidaccount_datatype} */
export const setAccountDataPerRoom = endpoint({
  method: 'PUT',
  path: v3('/user/:userId/rooms/:roomId/account_data/:type'),
  auth: 'user',
  rateLimit: 'accountData',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), roomId: s.format<RoomId>('mx-room-id'), type: s.string }),
  body: s.record<unknown>(s.unknown),
  response: s.object({}),
  async handle({ accountData }, { params, body, requester }) {
    checkOwnUser(requester, params.userId)
    const { roomId, type } = params
    await accountData.set({ userNid: requester.userNid, roomId, type }, body as JsonObject)
    return {}
  },
})
