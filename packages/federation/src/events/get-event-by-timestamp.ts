import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** The event that is closest to a time. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid} */
export const getEventByTimestamp = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/timestamp_to_event/:roomId',
  auth: 'server',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({ ts: s.integer, dir: s.literal('f', 'b') }),
  response: s.object({ event_id: s.string, origin_server_ts: s.integer }),
  async handle({ servedEventByTime }, { params, query, requester }) {
    const { origin } = requester
    const { eventId, originServerTs } = await servedEventByTime.find(origin, params.roomId, query.ts, query.dir)
    return { event_id: eventId, origin_server_ts: originServerTs }
  },
})
