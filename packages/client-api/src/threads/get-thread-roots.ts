import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v1 } from '../paths.ts'

const defaultLimit = 20
const maxLimit = 100

/** The threads of a room. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads} */
export const getThreadRoots = endpoint({
  method: 'GET',
  path: v1('/rooms/:roomId/threads'),
  auth: 'user',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({
    include: s.optional(s.literal('all', 'participated')),
    from: s.optional(s.string),
    limit: s.optional(s.refine(s.integer, { minimum: 1 })),
  }),
  response: s.object({ chunk: s.array<unknown>(s.unknown), next_batch: s.optional(s.string) }),
  async handle({ rooms, threads }, { params, query, requester }) {
    const { roots, nextBatch } = await threads.page({
      requester,
      room: await rooms.find(params.roomId),
      include: query.include ?? 'all',
      from: query.from,
      limit: Math.min(query.limit ?? defaultLimit, maxLimit),
    })
    return { chunk: roots, ...(nextBatch !== undefined && { next_batch: nextBatch }) }
  },
})
