import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { unstable } from '../paths.ts'

/** The same as `getMutualRooms`, as clients know it from before it was specified. {@link https://github.com/matrix-org/matrix-spec-proposals/pull/2666} */
export const queryMutualRooms = endpoint({
  method: 'GET',
  path: unstable('uk.half-shot.msc2666', '/user/mutual_rooms'),
  auth: 'user',
  rateLimit: 'mutualRooms',
  query: s.object({ user_id: s.format<UserId>('mx-user-id'), batch_token: s.optional(s.string) }),
  response: s.object({ joined: s.array(s.string), count: s.integer, next_batch_token: s.optional(s.string) }),
  async handle({ mutualRooms }, { query, requester }) {
    const { joined, count, next_batch: next } = await mutualRooms.list(requester, query.user_id, query.batch_token)
    return { joined: [...joined], count, ...(next !== undefined && { next_batch_token: next }) }
  },
})
