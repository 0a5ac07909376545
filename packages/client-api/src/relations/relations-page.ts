import { recursionDepth, type Requester } from '@hearth/core'
import { s, type EventId, type RoomId } from '@hearth/protocol'
import type { ClientApiContext } from '../context.ts'

const defaultLimit = 50
const maxLimit = 1_000

/** What is asked of the children of an event, whichever of them are wanted. */
export const relationsQuery = s.object({
  dir: s.optional(s.literal('b', 'f')),
  from: s.optional(s.string),
  to: s.optional(s.string),
  limit: s.optional(s.refine(s.integer, { minimum: 0 })),
  recurse: s.optional(s.boolean),
})

export const relationsResponse = s.object({
  chunk: s.array<unknown>(s.unknown),
  next_batch: s.optional(s.string),
  prev_batch: s.optional(s.string),
  recursion_depth: s.optional(s.integer),
})

interface RelationsRequest {
  readonly params: {
    readonly roomId: RoomId
    readonly eventId: EventId
    readonly relType?: string
    readonly eventType?: string
  }
  readonly query: {
    readonly dir?: 'b' | 'f' | undefined
    readonly from?: string | undefined
    readonly to?: string | undefined
    readonly limit?: number | undefined
    readonly recurse?: boolean | undefined
  }
  readonly requester: Requester
}

/** A page of the children of an event, as the three endpoints answer it. */
export async function relationsPage({ rooms, relations }: ClientApiContext, request: RelationsRequest) {
  const { params, query, requester } = request
  const { events, nextBatch, prevBatch } = await relations.page({
    requester,
    room: await rooms.get(params.roomId),
    eventId: params.eventId,
    relType: params.relType,
    eventType: params.eventType,
    direction: query.dir ?? 'b',
    from: query.from,
    to: query.to,
    limit: Math.min(query.limit ?? defaultLimit, maxLimit),
    recurse: query.recurse === true,
  })
  return {
    chunk: events,
    ...(nextBatch !== undefined && { next_batch: nextBatch }),
    ...(prevBatch !== undefined && { prev_batch: prevBatch }),
    ...(query.recurse !== undefined && { recursion_depth: query.recurse ? recursionDepth : 1 }),
  }
}
