import { notFound, s, serverOf, type RoomAlias } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** The room of an alias of this server. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory} */
export const queryRoomDirectory = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/query/directory',
  auth: 'server',
  query: s.object({ room_alias: s.format<RoomAlias>('mx-room-alias') }),
  response: s.object({ room_id: s.string, servers: s.array(s.string) }),
  async handle({ aliases, server }, { query }) {
    if (serverOf(query.room_alias) !== server.serverName) throw notFound('Aliases of other servers are known there')
    const { roomId, servers } = await aliases.resolve(query.room_alias)
    return { room_id: roomId, servers }
  },
})
