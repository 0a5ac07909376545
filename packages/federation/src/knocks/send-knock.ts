import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu, pduBody } from '../pdu.ts'

/** Lets a user of another server ask to be let into a room. {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_knockroomideventid} */
export const sendKnock = endpoint({
  method: 'PUT',
  path: '/_matrix/federation/v1/send_knock/:roomId/:eventId',
  auth: 'server',
  ...pduBody,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.string }),
  body: pdu,
  response: s.object({ knock_room_state: s.array(pdu) }),
  async handle({ receivedMemberships }, { params, body, requester }) {
    const { origin } = requester
    return { knock_room_state: await receivedMemberships.takeKnock({ ...params, origin, pdu: body }) }
  },
})
