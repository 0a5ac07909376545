import { streamedJson } from '@hearth/http'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** One room at once. Founding API. */
export const legacyRoomInitialSync = endpoint({
  method: 'GET',
  path: founding('/rooms/:roomId/initialSync'),
  auth: 'user',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({ limit: s.optional(s.refine(s.integer, { minimum: 0 })) }),
  response: s.record<unknown>(s.unknown),
  async handle({ initialSync, rooms }, { params, query, requester }) {
    const room = await rooms.get(params.roomId)
    return streamedJson(await initialSync.ofRoom(requester, room, { limit: query.limit ?? 10, dialect: 'founding' }))
  },
})
