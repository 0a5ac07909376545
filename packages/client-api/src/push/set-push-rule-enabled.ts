import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { ruleParameters } from './rule-parameters.ts'

/** Enables or disables a push rule, also one of the server's. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidenabled} */
export const setPushRuleEnabled = endpoint({
  method: 'PUT',
  path: v3('/pushrules/global/:kind/:ruleId/enabled'),
  auth: 'user',
  rateLimit: 'pushRules',
  params: ruleParameters,
  body: s.object({ enabled: s.boolean }),
  response: s.object({}),
  async handle({ pushRules }, { params, body, requester }) {
    await pushRules.setEnabled(requester, params.kind, params.ruleId, body.enabled)
    return {}
  },
})
