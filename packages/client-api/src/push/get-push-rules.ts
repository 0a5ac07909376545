import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { pushRulesByKind } from './rule-parameters.ts'

/** All push rules. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrules} */
export const getPushRules = endpoint({
  method: 'GET',
  path: v3('/pushrules/'),
  auth: 'user',
  response: s.object({ global: pushRulesByKind }),
  async handle({ pushRules }, { requester }) {
    return { global: await pushRules.list(requester) }
  },
})
