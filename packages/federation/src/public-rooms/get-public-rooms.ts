import { directoryPage } from '@hearth/core'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { publicRoomsPage } from './public-rooms-page.ts'

/** The rooms that this server lists. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1publicrooms} */
export const getPublicRooms = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/publicRooms',
  auth: 'server',
  query: s.object({
    include_all_networks: s.optional(s.boolean),
    limit: s.optional(s.refine(s.integer, { minimum: 0 })),
    since: s.optional(s.string),
    third_party_instance_id: s.optional(s.string),
  }),
  response: publicRoomsPage,
  async handle({ roomDirectory }, { query: { limit, since, third_party_instance_id: network } }) {
    // No application service has brought any.
    if (network) return directoryPage({ rooms: [], total: 0 })
    return directoryPage(await roomDirectory.list({ from: since, limit }, 'anybody'))
  },
})
