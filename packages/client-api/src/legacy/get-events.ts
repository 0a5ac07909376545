import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** The event stream: what is new, waiting for it if need be. Founding API. */
export const legacyGetEvents = endpoint({
  method: 'GET',
  path: founding('/events'),
  auth: 'user',
  deadlineMs: 240_000,
  longPoll: true,
  query: s.object({
    from: s.optional(s.string),
    timeout: s.optional(s.refine(s.integer, { minimum: 0 })),
    limit: s.optional(s.refine(s.integer, { minimum: 1 })),
    room_id: s.optional(s.format<RoomId>('mx-room-id')),
  }),
  response: s.object({ start: s.string, end: s.string, chunk: s.array<unknown>(s.unknown) }),
  async handle({ eventStream }, { query, requester, signal }) {
    const { start, end, chunk } = await eventStream.read({
      requester,
      // Clients that have no token yet may send an empty one.
      from: query.from === '' ? undefined : query.from,
      timeoutMs: query.timeout ?? 30_000,
      limit: query.limit ?? 10,
      roomId: query.room_id,
      dialect: 'founding',
      signal,
    })
    return { start, end, chunk: [...chunk] }
  },
})
