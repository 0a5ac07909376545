import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

const maxLimit = 1_000

/** A page of a room's timeline, backwards unless asked otherwise. Founding API. */
export const legacyGetMessages = endpoint({
  method: 'GET',
  path: founding('/rooms/:roomId/messages'),
  auth: 'user',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({
    dir: s.optional(s.literal('b', 'f')),
    from: s.optional(s.string),
    to: s.optional(s.string),
    limit: s.optional(s.refine(s.integer, { minimum: 0 })),
  }),
  response: s.object({ start: s.string, end: s.string, chunk: s.array<unknown>(s.unknown) }),
  async handle({ rooms, foundingTimeline }, { params, query, requester }) {
    const { start, end, chunk } = await foundingTimeline.page({
      requester,
      room: await rooms.get(params.roomId),
      direction: query.dir ?? 'b',
      from: query.from,
      to: query.to,
      limit: Math.min(query.limit ?? 10, maxLimit),
    })
    return { start, end, chunk }
  },
})
