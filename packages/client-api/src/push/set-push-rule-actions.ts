import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { ruleParameters, uncheckedList } from './rule-parameters.ts'

/** Sets what a push rule does, also one of the server's. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidactions} */
export const setPushRuleActions = endpoint({
  method: 'PUT',
  path: v3('/pushrules/global/:kind/:ruleId/actions'),
  auth: 'user',
  rateLimit: 'pushRules',
  params: ruleParameters,
  body: s.object({ actions: uncheckedList }),
  response: s.object({}),
  async handle({ pushRules }, { params, body, requester }) {
    await pushRules.setActions(requester, params.kind, params.ruleId, body.actions)
    return {}
  },
})
