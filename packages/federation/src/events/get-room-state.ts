import { jsonPieces } from '@hearth/core'
import { streamedJson } from '@hearth/http'
import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu } from '../pdu.ts'

/** A room's state before an event. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid} */
export const getRoomState = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/state/:roomId',
  auth: 'server',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({ event_id: s.format<EventId>('mx-event-id') }),
  response: s.object({ auth_chain: s.array(pdu), pdus: s.array(pdu) }),
  async handle({ servedState }, { params, query, requester }) {
    const { state, authChain } = await servedState.at(requester.origin, params.roomId, query.event_id)
    async function* pieces(): AsyncGenerator<string> {
      yield* jsonPieces('{"auth_chain":[', servedState.events(authChain), '],')
      yield* jsonPieces('"pdus":[', servedState.events(state), ']}')
    }
    return streamedJson(pieces())
  },
})
