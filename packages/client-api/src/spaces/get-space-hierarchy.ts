import { roomSummary, strippedChild } from '@hearth/core'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v1 } from '../paths.ts'

/** The rooms of a space, and of the spaces in it. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy} */
export const getSpaceHierarchy = endpoint({
  method: 'GET',
  path: v1('/rooms/:roomId/hierarchy'),
  auth: 'user',
  rateLimit: 'directory',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({
    from: s.optional(s.string),
    limit: s.optional(s.refine(s.integer, { minimum: 1 })),
    max_depth: s.optional(s.refine(s.integer, { minimum: 0 })),
    suggested_only: s.optional(s.boolean),
  }),
  response: s.object({ rooms: s.array<unknown>(s.unknown), next_batch: s.optional(s.string) }),
  async handle({ spaceHierarchy }, { params, query, requester }) {
    const { from, limit, max_depth: maxDepth, suggested_only: suggestedOnly = false } = query
    const { roomId } = params
    const page = await spaceHierarchy.page({ requester, roomId, from, limit, maxDepth, suggestedOnly })
    return {
      rooms: page.rooms.map(({ preview, children }) => ({
        ...roomSummary(preview),
        children_state: children.map(strippedChild),
      })),
      ...(page.next !== undefined && { next_batch: page.next }),
    }
  },
})
