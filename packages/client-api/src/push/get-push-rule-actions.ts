import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { actionsAnswer, ruleParameters } from './rule-parameters.ts'

/** What a push rule does. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidactions} */
export const getPushRuleActions = endpoint({
  method: 'GET',
  path: v3('/pushrules/global/:kind/:ruleId/actions'),
  auth: 'user',
  params: ruleParameters,
  response: actionsAnswer,
  async handle({ pushRules }, { params, requester }) {
    const { actions } = await pushRules.get(requester, params.kind, params.ruleId)
    return { actions }
  },
})
