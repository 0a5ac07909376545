import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** The event that is closest to a time. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event} */
export const getEventByTimestamp = endpoint({
  method: 'GET',
  path: '/_matrix/client/v1/rooms/:roomId/timestamp_to_event',
  auth: 'user',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({ ts: s.integer, dir: s.literal('f', 'b') }),
  response: s.object({ event_id: s.string, origin_server_ts: s.integer }),
  async handle({ rooms, eventByTime }, { params, query, requester }) {
    const room = await rooms.get(params.roomId)
    const { eventId, originServerTs } = await eventByTime.find(requester, room, query.ts, query.dir)
    return { event_id: eventId, origin_server_ts: originServerTs }
  },
})
