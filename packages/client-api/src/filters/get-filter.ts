import { rawJson } from '@hearth/http'
import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/** A filter as it was defined. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridfilterfilterid} */
export const getFilter = endpoint({
  method: 'GET',
  path: v3('/user/:userId/filter/:filterId'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), filterId: s.string }),
  response: s.record<unknown>(s.unknown),
  async handle({ syncFilters }, { params, requester }) {
    checkOwnUser(requester, params.userId)
    return rawJson(await syncFilters.get(requester.userNid, params.filterId))
  },
})
