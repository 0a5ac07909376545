import { jsonPieces } from '@hearth/core'
import { streamedJson } from '@hearth/http'
import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** The ids of a room's state before an event. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid} */
export const getRoomStateIds = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/state_ids/:roomId',
  auth: 'server',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({ event_id: s.format<EventId>('mx-event-id') }),
  response: s.object({ auth_chain_ids: s.array(s.string), pdu_ids: s.array(s.string) }),
  async handle({ servedState }, { params, query, requester }) {
    const { state, authChain } = await servedState.at(requester.origin, params.roomId, query.event_id)
    async function* pieces(): AsyncGenerator<string> {
      yield* jsonPieces('{"auth_chain_ids":[', servedState.ids(authChain), '],')
      yield* jsonPieces('"pdu_ids":[', servedState.ids(state), ']}')
    }
    return streamedJson(pieces())
  },
})
