import { clientTransaction } from '@hearth/core'
import { s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** Invites a user into a room, once. Founding API. */
export const legacyInviteUserInTransaction = endpoint({
  method: 'PUT',
  path: founding('/rooms/:roomId/invite/:txnId'),
  auth: 'activeUser',
  rateLimit: 'invites',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), txnId: s.string }),
  body: s.object({ user_id: s.format<UserId>('mx-user-id'), reason: s.optional(s.string) }),
  response: s.object({}),
  async handle({ rooms, membership }, { params, body, requester }) {
    const { user_id: target, reason } = body
    const room = await rooms.get(params.roomId)
    const transaction = clientTransaction(requester, params.txnId, 'invite', room.id, target)
    await membership.invite({ requester, room, target, reason, transaction })
    return {}
  },
})
