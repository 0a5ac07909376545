import { streamedJson } from '@hearth/http'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** One room at once. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidinitialsync} */
export const roomInitialSync = endpoint({
  method: 'GET',
  path: v3('/rooms/:roomId/initialSync'),
  auth: 'userOrGuest',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({ limit: s.optional(s.refine(s.integer, { minimum: 0 })) }),
  response: s.record<unknown>(s.unknown),
  async handle({ initialSync, rooms }, { params, query, requester }) {
    const room = await rooms.get(params.roomId)
    return streamedJson(await initialSync.ofRoom(requester, room, { limit: query.limit ?? 10, dialect: 'today' }))
  },
})
