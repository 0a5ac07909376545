import { s, type EventId, type JsonValue, type RoomId, type Schema } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu, pduBody } from '../pdu.ts'

/** What is told of the room may be anything: only for some room versions does it count. */
const anything: Schema<JsonValue> = {}

/** Invites a user of this server. {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid} */
export const sendInviteV2 = endpoint({
  method: 'PUT',
  path: '/_matrix/federation/v2/invite/:roomId/:eventId',
  auth: 'server',
  ...pduBody,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.format<EventId>('mx-event-id') }),
  body: s.object({ event: pdu, invite_room_state: s.optional(anything), room_version: s.string }),
  response: s.object({ event: pdu }),
  async handle({ receivedInvites }, { params, body, requester }) {
    const { event, invite_room_state: inviteRoomState, room_version: roomVersion } = body
    const { origin } = requester
    return { event: await receivedInvites.receive({ ...params, origin, roomVersion, event, inviteRoomState }) }
  },
})
