import { streamedJson } from '@hearth/http'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu, pduBody } from '../pdu.ts'

/**
 * As `sendJoinV2`, for servers that do not know it. Its answer stands behind a number in a list.
 * {@link https://spec.matrix.org/v1.12/server-server-api/#put_matrixfederationv1send_joinroomideventid}
 */
export const sendJoinV1 = endpoint({
  method: 'PUT',
  path: '/_matrix/federation/v1/send_join/:roomId/:eventId',
  auth: 'server',
  ...pduBody,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.string }),
  body: pdu,
  response: s.array<unknown>(s.unknown),
  async handle({ receivedJoins }, { params, body, requester }) {
    const answer = await receivedJoins.take({ ...params, origin: requester.origin, pdu: body, omitMembers: false })
    async function* pieces(): AsyncGenerator<string> {
      yield '[200,'
      yield* answer
      yield ']'
    }
    return streamedJson(pieces())
  },
})
