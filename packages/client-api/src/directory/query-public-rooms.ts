import { directoryPage } from '@hearth/core'
import { invalidParam, s, type Schema, type ServerName } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

const roomType: Schema<string | null> = { type: ['string', 'null'] }

/** The rooms that this or another server lists and that match a filter. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms} */
export const queryPublicRooms = endpoint({
  method: 'POST',
  path: v3('/publicRooms'),
  auth: 'user',
  rateLimit: 'directory',
  allowEmptyBody: true,
  query: s.object({ server: s.optional(s.format<ServerName>('mx-server-name')) }),
  body: s.object({
    filter: s.optional(
      s.object({
        generic_search_term: s.optional(s.refine(nullable(s.string), { maxLength: 1_000 })),
        room_types: s.optional(nullable(s.array(roomType, { maxItems: 100 }))),
      }),
    ),
    include_all_networks: s.optional(s.boolean),
    limit: s.optional(nullable(s.refine(s.integer, { minimum: 0 }))),
    since: s.optional(nullable(s.string)),
    third_party_instance_id: s.optional(nullable(s.string)),
  }),
  response: s.object({
    chunk: s.array<unknown>(s.unknown),
    next_batch: s.optional(s.string),
    prev_batch: s.optional(s.string),
    total_room_count_estimate: s.integer,
  }),
  async handle({ roomDirectory, remoteDirectories, server: own }, { query: { server }, body }) {
    const { filter = {}, include_all_networks: allNetworks } = body
    const network = body.third_party_instance_id || undefined
    if (network !== undefined && allNetworks === true)
      throw invalidParam('One network and all networks cannot both be asked for')
    const request = {
      from: body.since ?? undefined,
      limit: body.limit ?? undefined,
      searchTerm: filter.generic_search_term ?? undefined,
      roomTypes: filter.room_types ?? undefined,
    }
    if (server !== undefined && server !== own.serverName) {
      return directoryPage(await remoteDirectories.list(server, { ...request, network, allNetworks }))
    }
    // No application service has brought any network.
    if (network !== undefined) return directoryPage({ rooms: [], total: 0 })
    return directoryPage(await roomDirectory.list(request, 'user'))
  },
})

/** Clients send null for what they do not want to say. */
function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return { ...schema, type: [schema['type'], 'null'] }
}
