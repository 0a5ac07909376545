import { clientTransaction } from '@hearth/core'
import { s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** Lets a banned user come back, once. Founding API. */
export const legacyUnbanInTransaction = endpoint({
  method: 'PUT',
  path: founding('/rooms/:roomId/unban/:txnId'),
  auth: 'activeUser',
  rateLimit: 'membership',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), txnId: s.string }),
  body: s.object({ user_id: s.format<UserId>('mx-user-id'), reason: s.optional(s.string) }),
  response: s.object({}),
  async handle({ rooms, membership }, { params, body, requester }) {
    const { user_id: target, reason } = body
    const room = await rooms.get(params.roomId)
    const transaction = clientTransaction(requester, params.txnId, 'unban', room.id, target)
    await membership.unban({ requester, room, target, reason, transaction })
    return {}
  },
})
