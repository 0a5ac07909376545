import { roomSummary, type Viewer } from '@hearth/core'
import { s, type ServerName } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v1 } from '../paths.ts'

/** What a room is, for those who think of joining it. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias} */
export const getRoomSummary = endpoint({
  method: 'GET',
  path: [v1('/room_summary/:roomIdOrAlias'), '/_matrix/client/unstable/im.nheko.summary/summary/:roomIdOrAlias'],
  auth: 'userIfAny',
  rateLimit: 'directory',
  params: s.object({ roomIdOrAlias: s.string }),
  // Servers to ask about rooms that are not here.
  query: s.object({ via: s.optional(s.array(s.format<ServerName>('mx-server-name'), { maxItems: 100 })) }),
  response: s.record<unknown>(s.unknown),
  async handle({ aliases, roomPreviews }, { params, query, requester }) {
    const viewer = await roomPreviews.viewer(requester)
    const { roomId, servers } = await aliases.find(params.roomIdOrAlias)
    // For nobody in particular no other server is asked.
    const via = requester && [...(query.via ?? []), ...servers]
    const preview = await roomPreviews.get(roomId, viewer, via)
    return {
      ...roomSummary(preview),
      ...(requester && { membership: membershipIn(viewer, preview.roomNid) }),
    }
  },
})

function membershipIn(viewer: Viewer, roomNid: number | undefined): string {
  return (roomNid !== undefined && viewer.get(roomNid)) || 'leave'
}
