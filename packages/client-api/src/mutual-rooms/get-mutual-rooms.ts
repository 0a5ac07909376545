import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** The rooms that the requester shares with another user. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mutual_rooms} */
export const getMutualRooms = endpoint({
  method: 'GET',
  path: '/_matrix/client/v1/mutual_rooms',
  auth: 'user',
  rateLimit: 'mutualRooms',
  query: s.object({ user_id: s.format<UserId>('mx-user-id'), from: s.optional(s.string) }),
  response: s.object({ joined: s.array(s.string), count: s.integer, next_batch: s.optional(s.string) }),
  async handle({ mutualRooms }, { query, requester }) {
    const page = await mutualRooms.list(requester, query.user_id, query.from)
    return { ...page, joined: [...page.joined] }
  },
})
