import { MatrixError, s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** The event stream. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3events} */
export const getEvents = endpoint({
  method: 'GET',
  path: v3('/events'),
  auth: 'userOrGuest',
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
    if (requester.isGuest && query.room_id === undefined) {
      throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests follow single rooms')
    }
    const { start, end, chunk } = await eventStream.read({
      requester,
      // Clients that have no token yet may send an empty one.
      from: query.from === '' ? undefined : query.from,
      timeoutMs: query.timeout ?? 30_000,
      limit: query.limit ?? 10,
      roomId: query.room_id,
      dialect: 'today',
      signal,
    })
    return { start, end, chunk: [...chunk] }
  },
})
