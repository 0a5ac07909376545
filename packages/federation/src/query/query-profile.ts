import { notFound, s, serverOf, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** The profile of a user of this server. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile} */
export const queryProfile = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/query/profile',
  auth: 'server',
  query: s.object({ user_id: s.format<UserId>('mx-user-id'), field: s.optional(s.string) }),
  response: s.record<unknown>(s.unknown),
  async handle({ profiles, server }, { query: { user_id: userId, field } }) {
    if (serverOf(userId) !== server.serverName) throw notFound('Profiles of other servers are known there')
    return field === undefined ? profiles.get(userId) : profiles.getField(userId, field)
  },
})
