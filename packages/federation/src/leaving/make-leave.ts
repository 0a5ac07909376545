import { s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu } from '../pdu.ts'

/** What a user's leaving would be. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_leaveroomiduserid} */
export const makeLeave = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/make_leave/:roomId/:userId',
  auth: 'server',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), userId: s.format<UserId>('mx-user-id') }),
  response: s.object({ event: pdu, room_version: s.string }),
  async handle({ membershipTemplates }, { params, requester }) {
    const { origin } = requester
    const { roomVersion, event } = await membershipTemplates.make({ ...params, origin, membership: 'leave' })
    return { room_version: roomVersion, event }
  },
})
