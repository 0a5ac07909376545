import { s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu } from '../pdu.ts'

/** What a user's knock would be. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_knockroomiduserid} */
export const makeKnock = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/make_knock/:roomId/:userId',
  auth: 'server',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), userId: s.format<UserId>('mx-user-id') }),
  query: s.object({ ver: s.array(s.string) }),
  response: s.object({ event: pdu, room_version: s.string }),
  async handle({ membershipTemplates }, { params, query, requester }) {
    const { origin } = requester
    const request = { ...params, origin, membership: 'knock', versions: query.ver } as const
    const { roomVersion, event } = await membershipTemplates.make(request)
    return { room_version: roomVersion, event }
  },
})
