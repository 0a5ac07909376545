import { rawJson } from '@hearth/http'
import { s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/** An entry of the account data of a room. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidaccount_datatype} */
export const getAccountDataPerRoom = endpoint({
  method: 'GET',
  path: v3('/user/:userId/rooms/:roomId/account_data/:type'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), roomId: s.format<RoomId>('mx-room-id'), type: s.string }),
  response: s.record<unknown>(s.unknown),
  async handle({ accountData }, { params, requester }) {
    checkOwnUser(requester, params.userId)
    const { roomId, type } = params
    return rawJson(await accountData.get({ userNid: requester.userNid, roomId, type }))
  },
})
