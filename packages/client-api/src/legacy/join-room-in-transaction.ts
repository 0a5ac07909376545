import { clientTransaction } from '@hearth/core'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** Joins a room by its id or one of its aliases, once. Founding API. */
export const legacyJoinRoomInTransaction = endpoint({
  method: 'PUT',
  path: founding('/join/:roomIdOrAlias/:txnId'),
  auth: 'activeUser',
  rateLimit: 'joins',
  allowEmptyBody: true,
  params: s.object({ roomIdOrAlias: s.string, txnId: s.string }),
  body: s.object({}),
  response: s.object({ room_id: s.string }),
  async handle({ aliases, membershipAnywhere }, { params, requester }) {
    const { roomId, servers } = await aliases.find(params.roomIdOrAlias)
    const transaction = clientTransaction(requester, params.txnId, 'join', roomId)
    await membershipAnywhere.join({ requester, roomId, via: servers, transaction })
    return { room_id: roomId }
  },
})
