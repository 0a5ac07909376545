import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { acceptSigned, joinBody, joinDeadlineMs, joinOf } from './join-body.ts'
import { v3AndFounding } from '../paths.ts'
import { viaOf, viaQuery } from './via-query.ts'

/** Joins a room by its id or one of its aliases. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3joinroomidoralias} */
export const joinRoom = endpoint({
  method: 'POST',
  path: v3AndFounding('/join/:roomIdOrAlias'),
  auth: 'activeUserOrGuest',
  rateLimit: 'joins',
  deadlineMs: joinDeadlineMs,
  allowEmptyBody: true,
  params: s.object({ roomIdOrAlias: s.string }),
  query: viaQuery,
  body: joinBody,
  response: s.object({ room_id: s.string }),
  async handle({ aliases, membershipAnywhere, thirdPartyInvites }, { params, query, body, requester }) {
    const { roomId, servers } = await aliases.find(params.roomIdOrAlias)
    await acceptSigned({ thirdPartyInvites }, { userId: requester.userId, roomId, body })
    await membershipAnywhere.join({ requester, roomId, via: [...viaOf(query), ...servers], ...joinOf(body) })
    return { room_id: roomId }
  },
})
