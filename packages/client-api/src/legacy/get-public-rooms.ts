import { publishedRoom } from '@hearth/core'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** The listed rooms, those with most members first. Founding API. */
export const legacyGetPublicRooms = endpoint({
  method: 'GET',
  path: founding('/publicRooms'),
  auth: 'userIfAny',
  rateLimit: 'directory',
  query: s.object({
    from: s.optional(s.string),
    limit: s.optional(s.refine(s.integer, { minimum: 0 })),
  }),
  response: s.object({ start: s.string, end: s.string, chunk: s.array<unknown>(s.unknown) }),
  async handle({ roomDirectory }, { query, requester }) {
    const { from = 'START', limit } = query
    const request = { from: from === 'START' ? undefined : from, limit }
    const { rooms, next = 'END' } = await roomDirectory.list(request, requester ? 'user' : 'anybody')
    return { start: from, end: next, chunk: rooms.map((room) => ({ aliases: [], ...publishedRoom(room) })) }
  },
})
