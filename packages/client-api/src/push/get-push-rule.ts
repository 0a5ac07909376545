import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { pushRule, ruleParameters } from './rule-parameters.ts'

/** One push rule. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleid} */
export const getPushRule = endpoint({
  method: 'GET',
  path: v3('/pushrules/global/:kind/:ruleId'),
  auth: 'user',
  params: ruleParameters,
  response: pushRule,
  async handle({ pushRules }, { params, requester }) {
    return pushRules.get(requester, params.kind, params.ruleId)
  },
})
