import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { ruleParameters } from './rule-parameters.ts'

/** Removes a push rule of the user's own. {@link https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3pushrulesglobalkindruleid} */
export const deletePushRule = endpoint({
  method: 'DELETE',
  path: v3('/pushrules/global/:kind/:ruleId'),
  auth: 'user',
  rateLimit: 'pushRules',
  params: ruleParameters,
  response: s.object({}),
  async handle({ pushRules }, { params, requester }) {
    await pushRules.delete(requester, params.kind, params.ruleId)
    return {}
  },
})
