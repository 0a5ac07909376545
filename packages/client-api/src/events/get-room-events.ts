import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { eventFilterParameter } from '../event-filter-parameter.ts'
import { v3 } from '../paths.ts'

const maxLimit = 1_000

/** A page of a room's timeline. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages} */
export const getRoomEvents = endpoint({
  method: 'GET',
  path: v3('/rooms/:roomId/messages'),
  auth: 'userOrGuest',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({
    dir: s.literal('b', 'f'),
    from: s.optional(s.string),
    to: s.optional(s.string),
    limit: s.optional(s.refine(s.integer, { minimum: 0 })),
    filter: s.optional(s.string),
  }),
  response: s.object({
    chunk: s.array<unknown>(s.unknown),
    start: s.string,
    end: s.optional(s.string),
    state: s.optional(s.array<unknown>(s.unknown)),
  }),
  async handle({ rooms, timeline }, { params, query, requester }) {
    const filter = eventFilterParameter(query.filter)
    const { start, end, events, state } = await timeline.page({
      requester,
      room: await rooms.get(params.roomId),
      direction: query.dir,
      from: query.from,
      to: query.to,
      limit: Math.min(query.limit ?? filter?.limit ?? 10, maxLimit),
      filter,
    })
    return { chunk: events, start, ...(end !== undefined && { end }), ...(state && { state }) }
  },
})
