import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Puts a room that was left out of sight. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget} */
export const forgetRoom = endpoint({
  method: 'POST',
  path: v3('/rooms/:roomId/forget'),
  auth: 'user',
  rateLimit: 'membership',
  allowEmptyBody: true,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  response: s.object({}),
  async handle(ctx, { params, requester }) {
    await ctx.forgetRoom.forget(requester, params.roomId)
    return {}
  },
})
