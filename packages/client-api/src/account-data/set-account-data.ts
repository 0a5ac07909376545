import { s, type JsonObject, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/** Sets an entry of the account data. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridaccount_datatype} */
export const setAccountData = endpoint({
  method: 'PUT',
  path: v3('/user/:userId/account_data/:type'),
  auth: 'user',
  rateLimit: 'accountData',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), type: s.string }),
  body: s.record<unknown>(s.unknown),
  response: s.object({}),
  async handle({ accountData }, { params, body, requester }) {
    checkOwnUser(requester, params.userId)
    const { type } = params
    await accountData.set({ userNid: requester.userNid, type }, body as JsonObject)
    return {}
  },
})
