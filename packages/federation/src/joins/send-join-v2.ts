import { streamedJson } from '@hearth/http'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu, pduBody } from '../pdu.ts'

/** Takes a user of another server into a room. {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid} */
export const sendJoinV2 = endpoint({
  method: 'PUT',
  path: '/_matrix/federation/v2/send_join/:roomId/:eventId',
  auth: 'server',
  ...pduBody,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.string }),
  query: s.object({ omit_members: s.optional(s.boolean) }),
  body: pdu,
  response: s.object({
    auth_chain: s.array(pdu),
    event: pdu,
    members_omitted: s.boolean,
    origin: s.string,
    servers_in_room: s.optional(s.array(s.string)),
    state: s.array(pdu),
  }),
  async handle({ receivedJoins }, { params, query, body, requester }) {
    const { omit_members: omitMembers = false } = query
    return streamedJson(await receivedJoins.take({ ...params, origin: requester.origin, pdu: body, omitMembers }))
  },
})
