import { directoryPage } from '@hearth/core'
import { s, type Schema } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { publicRoomsPage } from './public-rooms-page.ts'

const roomType: Schema<string | null> = { type: ['string', 'null'] }

/** The rooms that this server lists and a filter matches. {@link https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms} */
export const queryPublicRooms = endpoint({
  method: 'POST',
  path: '/_matrix/federation/v1/publicRooms',
  auth: 'server',
  allowEmptyBody: true,
  body: s.object({
    filter: s.optional(
      nullable(
        s.object({
          generic_search_term: s.optional(nullable(s.refine(s.string, { maxLength: 1_000 }))),
          room_types: s.optional(nullable(s.array(roomType, { maxItems: 100 }))),
        }),
      ),
    ),
    include_all_networks: s.optional(nullable(s.boolean)),
    limit: s.optional(nullable(s.refine(s.integer, { minimum: 0 }))),
    since: s.optional(nullable(s.string)),
    third_party_instance_id: s.optional(nullable(s.string)),
  }),
  response: publicRoomsPage,
  async handle({ roomDirectory }, { body }) {
    // No application service has brought any.
    if (body.third_party_instance_id) return directoryPage({ rooms: [], total: 0 })
    const request = {
      from: body.since ?? undefined,
      limit: body.limit ?? undefined,
      searchTerm: body.filter?.generic_search_term ?? undefined,
      roomTypes: body.filter?.room_types ?? undefined,
    }
    return directoryPage(await roomDirectory.list(request, 'anybody'))
  },
})

/** Servers hand on the null with which clients say nothing. */
function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return { ...schema, type: [schema['type'], 'null'] }
}
