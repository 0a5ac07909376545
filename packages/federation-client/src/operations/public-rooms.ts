import { s, type Infer, type JsonObject, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { pdus as objects } from './answer-schemas.ts'
import { withQuery } from './target.ts'

/** Which published rooms are asked for. */
export interface PublicRoomsQuery {
  readonly limit?: number
  readonly since?: string
  readonly filter?: { readonly generic_search_term?: string; readonly room_types?: readonly (string | null)[] }
  readonly includeAllNetworks?: boolean
  readonly thirdPartyInstanceId?: string
}

const answer = s.object({
  /** What is said of each room is for the caller to check. */
  chunk: objects,
  next_batch: s.optional(s.string),
  prev_batch: s.optional(s.string),
  total_room_count_estimate: s.optional(s.integer),
})

/** A page of a server's published rooms. */
export type PublicRoomsAnswer = Infer<typeof answer>

/** {@link https://spec.matrix.org/v1.19/server-server-api/#public-room-directory} */
export function publicRooms(
  requests: Requests,
  destination: ServerName,
  { limit, since, filter, includeAllNetworks, thirdPartyInstanceId }: PublicRoomsQuery,
  options?: RequestOptions,
): Promise<PublicRoomsAnswer> {
  const page = {
    ...(limit !== undefined && { limit }),
    ...(since !== undefined && { since }),
    ...(includeAllNetworks !== undefined && { include_all_networks: includeAllNetworks }),
    ...(thirdPartyInstanceId !== undefined && { third_party_instance_id: thirdPartyInstanceId }),
  }
  const path = '/_matrix/federation/v1/publicRooms'
  const limits = { firstByteMs: 30_000, maxBytes: 8 * 1024 * 1024 }
  const common = {
    destination,
    answer,
    lists: { names: ['chunk'], items: 'object', maxItems: 10_000 },
    limits,
  } as const
  if (filter === undefined) {
    return requests.send(
      { ...common, operation: 'getPublicRooms', method: 'GET', target: withQuery(path, page) },
      options,
    )
  }
  const body: JsonObject = { ...page, filter: filter as JsonObject }
  return requests.send({ ...common, operation: 'queryPublicRooms', method: 'POST', target: path, body }, options)
}
