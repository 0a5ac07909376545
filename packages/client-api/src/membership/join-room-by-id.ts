import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { acceptSigned, joinBody, joinDeadlineMs, joinOf } from './join-body.ts'
import { v3AndFounding } from '../paths.ts'

/** Joins a room by its id. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidjoin} */
export const joinRoomById = endpoint({
  method: 'POST',
  path: v3AndFounding('/rooms/:roomId/join'),
  auth: 'activeUserOrGuest',
  rateLimit: 'joins',
  deadlineMs: joinDeadlineMs,
  allowEmptyBody: true,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: joinBody,
  response: s.object({ room_id: s.string }),
  async handle({ membershipAnywhere, thirdPartyInvites }, { params: { roomId }, body, requester }) {
    await acceptSigned({ thirdPartyInvites }, { userId: requester.userId, roomId, body })
    await membershipAnywhere.join({ requester, roomId, ...joinOf(body) })
    return { room_id: roomId }
  },
})
