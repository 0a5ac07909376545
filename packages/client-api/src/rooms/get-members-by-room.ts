import { jsonPieces } from '@hearth/core'
import { streamedJson } from '@hearth/http'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

const membership = s.literal('join', 'invite', 'knock', 'leave', 'ban')

/** A room's member events. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmembers} */
export const getMembersByRoom = endpoint({
  method: 'GET',
  path: v3('/rooms/:roomId/members'),
  auth: 'userOrGuest',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({
    at: s.optional(s.string),
    membership: s.optional(membership),
    not_membership: s.optional(membership),
  }),
  response: s.object({ chunk: s.array<unknown>(s.unknown) }),
  async handle({ rooms, roomState }, { params, query, requester }) {
    const room = await rooms.get(params.roomId)
    const { at, membership, not_membership: notMembership } = query
    const events = await roomState.members(requester, room, { at, membership, notMembership })
    return streamedJson(jsonPieces('{"chunk":[', events, ']}'))
  },
})
