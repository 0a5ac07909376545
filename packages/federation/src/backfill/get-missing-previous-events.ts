import { rawJson } from '@hearth/http'
import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu } from '../pdu.ts'

/** Events that a server misses between some that it has. {@link https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid} */
export const getMissingPreviousEvents = endpoint({
  method: 'POST',
  path: '/_matrix/federation/v1/get_missing_events/:roomId',
  auth: 'server',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: s.object({
    // Required, but servers have always been let off with neither.
    earliest_events: s.optional(s.array(s.format<EventId>('mx-event-id'))),
    latest_events: s.optional(s.array(s.format<EventId>('mx-event-id'))),
    limit: s.optional(s.refine(s.integer, { minimum: 1 })),
    min_depth: s.optional(s.integer),
  }),
  response: s.object({ events: s.array(pdu) }),
  async handle({ servedEvents }, { params: { roomId }, body, requester }) {
    const { earliest_events: earliest = [], latest_events: latest = [], limit = 10, min_depth: minDepth = 0 } = body
    const events = await servedEvents.missing(requester.origin, { roomId, earliest, latest, limit, minDepth })
    return rawJson(`{"events":[${events.join(',')}]}`)
  },
})
