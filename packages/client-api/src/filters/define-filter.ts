import { s, type JsonObject, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/** Keeps a filter for later requests. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter} */
export const defineFilter = endpoint({
  method: 'POST',
  path: v3('/user/:userId/filter'),
  auth: 'user',
  rateLimit: 'accountData',
  params: s.object({ userId: s.format<UserId>('mx-user-id') }),
  body: s.record<unknown>(s.unknown),
  response: s.object({ filter_id: s.string }),
  async handle({ syncFilters }, { params, body, requester }) {
    checkOwnUser(requester, params.userId)
    return { filter_id: await syncFilters.define(requester.userNid, body as JsonObject) }
  },
})
