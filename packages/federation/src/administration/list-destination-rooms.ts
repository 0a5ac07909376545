import { notFound, s } from '@hearth/protocol'
import { administrationEndpoint, asServerName } from './context.ts'
import { nextToken, pageOf, pageQuery } from './page.ts'

/** The rooms that another server is in, with the position of the last event there that was for it. {@link https://element-hq.github.io/synapse/latest/usage/administration/admin_api/federation.html} */
export const listDestinationRooms = administrationEndpoint({
  method: 'GET',
  path: '/_synapse/admin/v1/federation/destinations/:destination/rooms',
  auth: 'administrator',
  params: s.object({ destination: s.string }),
  query: s.object(pageQuery),
  response: s.object({
    rooms: s.array(s.object({ room_id: s.string, stream_ordering: s.integer })),
    total: s.integer,
    next_token: s.optional(s.string),
  }),
  async handle({ store }, { params, query }) {
    const serverNid = await store.servers.find(asServerName(params.destination))
    if (serverNid === undefined) throw notFound('Nothing is known of this server')
    const page = pageOf(query)
    const { rooms, total } = await store.roomServers.listShared(serverNid, page)
    return {
      rooms: rooms.map(({ roomId, lastPos }) => ({ room_id: roomId, stream_ordering: lastPos })),
      total,
      ...nextToken(page, rooms.length, total),
    }
  },
})
