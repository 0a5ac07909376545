import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { ruleParameters } from './rule-parameters.ts'

/** Whether a push rule is enabled. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidenabled} */
export const isPushRuleEnabled = endpoint({
  method: 'GET',
  path: v3('/pushrules/global/:kind/:ruleId/enabled'),
  auth: 'user',
  params: ruleParameters,
  response: s.object({ enabled: s.boolean }),
  async handle({ pushRules }, { params, requester }) {
    const { enabled } = await pushRules.get(requester, params.kind, params.ruleId)
    return { enabled }
  },
})
