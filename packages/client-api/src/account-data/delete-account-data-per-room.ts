import { s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { unstable } from '../paths.ts'

/** Deletes an entry of the account data of a room. {@link https://github.com/matrix-org/matrix-spec-proposals/pull/3391} */
export const deleteAccountDataPerRoom = endpoint({
  method: 'DELETE',
  path: unstable('org.matrix.msc3391', '/user/:userId/rooms/:roomId/account_data/:type'),
  auth: 'user',
  rateLimit: 'accountData',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), roomId: s.format<RoomId>('mx-room-id'), type: s.string }),
  response: s.object({}),
  async handle({ accountData }, { params, requester }) {
    checkOwnUser(requester, params.userId)
    const { roomId, type } = params
    await accountData.delete({ userNid: requester.userNid, roomId, type })
    return {}
  },
})
