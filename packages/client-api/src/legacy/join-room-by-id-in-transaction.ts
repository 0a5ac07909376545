import { clientTransaction } from '@hearth/core'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** Joins a room by its id, once. Founding API. */
export const legacyJoinRoomByIdInTransaction = endpoint({
  method: 'PUT',
  path: founding('/rooms/:roomId/join/:txnId'),
  auth: 'activeUser',
  rateLimit: 'joins',
  allowEmptyBody: true,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), txnId: s.string }),
  body: s.object({}),
  response: s.object({ room_id: s.string }),
  async handle({ membershipAnywhere }, { params: { roomId, txnId }, requester }) {
    const transaction = clientTransaction(requester, txnId, 'join', roomId)
    await membershipAnywhere.join({ requester, roomId, transaction })
    return { room_id: roomId }
  },
})
