import { isJsonObject, s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu, pduBody } from '../pdu.ts'

/**
 * Invites a user of this server to a room of an old version: what is told of the room is in the event. The answer stands
 * behind a number in a list.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1inviteroomideventid}
 */
export const sendInviteV1 = endpoint({
  method: 'PUT',
  path: '/_matrix/federation/v1/invite/:roomId/:eventId',
  auth: 'server',
  ...pduBody,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.format<EventId>('mx-event-id') }),
  body: pdu,
  response: s.array<unknown>(s.unknown),
  async handle({ receivedInvites }, { params, body, requester }) {
    const { unsigned } = body
    const inviteRoomState = isJsonObject(unsigned) ? unsigned['invite_room_state'] : undefined
    const { origin } = requester
    const invite = { ...params, origin, roomVersion: '1', event: body, inviteRoomState }
    return [200, { event: await receivedInvites.receive(invite) }]
  },
})
