import { s, type Infer, type RoomId, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { anyObject, pdus as objects } from './answer-schemas.ts'
import { path, withQuery } from './target.ts'

const answer = s.object({
  /** What is said of each room is for the caller to check. */
  room: anyObject,
  children: objects,
  inaccessible_children: s.optional(s.array(s.string)),
})

/** A space and its children. */
export type HierarchyAnswer = Infer<typeof answer>

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid} */
export function hierarchy(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  { suggestedOnly = false }: { readonly suggestedOnly?: boolean } = {},
  options?: RequestOptions,
): Promise<HierarchyAnswer> {
  return requests.send(
    {
      operation: 'getSpaceHierarchy',
      destination,
      method: 'GET',
      target: withQuery(path`/_matrix/federation/v1/hierarchy/${roomId}`, { suggested_only: suggestedOnly }),
      answer,
      lists: { names: ['children'], items: 'object', maxItems: 10_000 },
      limits: { maxBytes: 8 * 1024 * 1024 },
    },
    options,
  )
}
