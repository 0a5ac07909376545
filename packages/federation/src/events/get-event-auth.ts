import { jsonPieces } from '@hearth/core'
import { streamedJson } from '@hearth/http'
import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu } from '../pdu.ts'

/** All that authorizes an event. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid} */
export const getEventAuth = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/event_auth/:roomId/:eventId',
  auth: 'server',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.format<EventId>('mx-event-id') }),
  response: s.object({ auth_chain: s.array(pdu) }),
  async handle({ servedState }, { params, requester }) {
    const authChain = await servedState.authChainOf(requester.origin, params.roomId, params.eventId)
    return streamedJson(jsonPieces('{"auth_chain":[', servedState.events(authChain), ']}'))
  },
})
