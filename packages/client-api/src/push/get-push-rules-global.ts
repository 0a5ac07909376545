import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { pushRulesByKind } from './rule-parameters.ts'

/** The push rules for all devices, which are all there are. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobal} */
export const getPushRulesGlobal = endpoint({
  method: 'GET',
  path: v3('/pushrules/global/'),
  auth: 'user',
  response: pushRulesByKind,
  async handle({ pushRules }, { requester }) {
    return pushRules.list(requester)
  },
})
