import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { viaOf, viaQuery } from './via-query.ts'

/** Asks to be let into a room. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3knockroomidoralias} */
export const knockRoom = endpoint({
  method: 'POST',
  path: v3('/knock/:roomIdOrAlias'),
  auth: 'activeUser',
  rateLimit: 'joins',
  allowEmptyBody: true,
  params: s.object({ roomIdOrAlias: s.string }),
  query: viaQuery,
  body: s.object({ reason: s.optional(s.string) }),
  response: s.object({ room_id: s.string }),
  async handle({ aliases, membershipAnywhere }, { params, query, body: { reason }, requester }) {
    const { roomId, servers } = await aliases.find(params.roomIdOrAlias)
    await membershipAnywhere.knock({ requester, roomId, via: [...viaOf(query), ...servers], reason })
    return { room_id: roomId }
  },
})
