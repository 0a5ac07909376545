import { rawJson } from '@hearth/http'
import { s, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { checkOwnUser } from '../own-user.ts'
import { v3 } from '../paths.ts'

/** An entry of the account data. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridaccount_datatype} */
export const getAccountData = endpoint({
  method: 'GET',
  path: v3('/user/:userId/account_data/:type'),
  auth: 'user',
  params: s.object({ userId: s.format<UserId>('mx-user-id'), type: s.string }),
  response: s.record<unknown>(s.unknown),
  async handle({ accountData }, { params, requester }) {
    checkOwnUser(requester, params.userId)
    const { type } = params
    return rawJson(await accountData.get({ userNid: requester.userNid, type }))
  },
})
