import { clientTransaction } from '@hearth/core'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** Leaves a room, or rejects an invitation, once. Founding API. */
export const legacyLeaveRoomInTransaction = endpoint({
  method: 'PUT',
  path: founding('/rooms/:roomId/leave/:txnId'),
  auth: 'user',
  rateLimit: 'membership',
  allowEmptyBody: true,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), txnId: s.string }),
  body: s.object({}),
  response: s.object({}),
  async handle({ membershipAnywhere }, { params: { roomId, txnId }, requester }) {
    const transaction = clientTransaction(requester, txnId, 'leave', roomId)
    await membershipAnywhere.leave({ requester, roomId, transaction })
    return {}
  },
})
