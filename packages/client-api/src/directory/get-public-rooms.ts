import { directoryPage } from '@hearth/core'
import { MatrixError, s, type ServerName } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** The rooms that this or another server lists. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms} */
export const getPublicRooms = endpoint({
  method: 'GET',
  path: v3('/publicRooms'),
  auth: 'userIfAny',
  rateLimit: 'directory',
  query: s.object({
    limit: s.optional(s.refine(s.integer, { minimum: 0 })),
    server: s.optional(s.format<ServerName>('mx-server-name')),
    since: s.optional(s.string),
  }),
  response: s.object({
    chunk: s.array<unknown>(s.unknown),
    next_batch: s.optional(s.string),
    prev_batch: s.optional(s.string),
    total_room_count_estimate: s.integer,
  }),
  async handle({ roomDirectory, remoteDirectories, server: own }, { query: { server, since, limit }, requester }) {
    if (server === undefined || server === own.serverName) {
      return directoryPage(await roomDirectory.list({ from: since, limit }, requester ? 'user' : 'anybody'))
    }
    // This server asks others for the sake of its users, not of anybody.
    if (!requester) throw new MatrixError('M_MISSING_TOKEN', 'Log in to see the directory of another server')
    return directoryPage(await remoteDirectories.list(server, { from: since, limit }))
  },
})
