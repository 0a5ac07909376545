import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { eventFilterParameter } from '../event-filter-parameter.ts'
import { v3 } from '../paths.ts'

const maxLimit = 1_000

/** An event among those around it. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid} */
export const getEventContext = endpoint({
  method: 'GET',
  path: v3('/rooms/:roomId/context/:eventId'),
  auth: 'userOrGuest',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), eventId: s.format<EventId>('mx-event-id') }),
  query: s.object({
    limit: s.optional(s.refine(s.integer, { minimum: 0 })),
    filter: s.optional(s.string),
  }),
  response: s.object({
    start: s.string,
    end: s.string,
    event: s.record<unknown>(s.unknown),
    events_before: s.array<unknown>(s.unknown),
    events_after: s.array<unknown>(s.unknown),
    state: s.array<unknown>(s.unknown),
  }),
  async handle({ rooms, eventContexts }, { params, query, requester }) {
    const filter = eventFilterParameter(query.filter)
    const { start, end, event, before, after, state } = await eventContexts.around({
      requester,
      room: await rooms.get(params.roomId),
      eventId: params.eventId,
      limit: Math.min(query.limit ?? filter?.limit ?? 10, maxLimit),
      filter,
    })
    return { start, end, event, events_before: before, events_after: after, state }
  },
})
