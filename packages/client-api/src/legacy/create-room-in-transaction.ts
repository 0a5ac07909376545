import { clientTransaction } from '@hearth/core'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'
import { legacyCreateRoomBody, legacyRoomRequest } from './create-room.ts'

/** Creates a room; a repeated transaction id gives the first one. Founding API. */
export const legacyCreateRoomInTransaction = endpoint({
  method: 'PUT',
  path: founding('/createRoom/:txnId'),
  auth: 'activeUser',
  rateLimit: 'roomCreation',
  allowEmptyBody: true,
  params: s.object({ txnId: s.string }),
  body: legacyCreateRoomBody,
  response: s.object({ room_id: s.string, room_alias: s.optional(s.string) }),
  async handle({ createRoom }, { params, body, requester }) {
    const transaction = clientTransaction(requester, params.txnId, 'createRoom')
    const { roomId, alias } = await createRoom.create(requester, { ...legacyRoomRequest(body), transaction })
    return { room_id: roomId, ...(alias && { room_alias: alias }) }
  },
})
