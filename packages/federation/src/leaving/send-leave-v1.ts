import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu, pduBody } from '../pdu.ts'

/**
 * As `sendLeaveV2`, for servers that do not know it. Its answer stands behind a number in a list.
 * {@link https://spec.matrix.org/v1.12/server-server-api/#put_matrixfederationv1send_leaveroomideventid}
 */
export const sendLeaveV1 = endpoint({
  method: 'PUT',
  path: '/_matrix/federation/v1/send_leave/:roomId/:eventId',
  auth: 'server',
  ...pduBody,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.string }),
  body: pdu,
  response: s.array<unknown>(s.unknown),
  async handle({ receivedMemberships }, { params, body, requester }) {
    await receivedMemberships.take({ ...params, origin: requester.origin, pdu: body, membership: 'leave' })
    return [200, {}]
  },
})
