import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu, pduBody } from '../pdu.ts'

/** Lets a user of another server leave a room. {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_leaveroomideventid} */
export const sendLeaveV2 = endpoint({
  method: 'PUT',
  path: '/_matrix/federation/v2/send_leave/:roomId/:eventId',
  auth: 'server',
  ...pduBody,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.string }),
  body: pdu,
  response: s.object({}),
  async handle({ receivedMemberships }, { params, body, requester }) {
    await receivedMemberships.take({ ...params, origin: requester.origin, pdu: body, membership: 'leave' })
    return {}
  },
})
