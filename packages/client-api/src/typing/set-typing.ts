import { s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3AndFounding } from '../paths.ts'

/** Says whether the requester is typing in a room. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidtypinguserid} */
export const setTyping = endpoint({
  method: 'PUT',
  path: v3AndFounding('/rooms/:roomId/typing/:userId'),
  auth: 'user',
  rateLimit: 'typing',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id'), userId: s.format<UserId>('mx-user-id') }),
  body: s.object({ typing: s.boolean, timeout: s.optional(s.refine(s.integer, { minimum: 0 })) }),
  response: s.object({}),
  async handle({ rooms, typing }, { params, body, requester }) {
    checkOwnUser(requester, params.userId)
    const room = await rooms.get(params.roomId)
    await typing.set({ requester, room, isTyping: body.typing, timeoutMs: body.timeout })
    return {}
  },
})
