import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { ruleParameters, uncheckedList } from './rule-parameters.ts'

/** Adds or changes a push rule. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid} */
export const setPushRule = endpoint({
  method: 'PUT',
  path: v3('/pushrules/global/:kind/:ruleId'),
  auth: 'user',
  rateLimit: 'pushRules',
  params: ruleParameters,
  query: s.object({ before: s.optional(s.string), after: s.optional(s.string) }),
  body: s.object({
    actions: uncheckedList,
    conditions: s.optional(uncheckedList),
    pattern: s.optional(s.string),
  }),
  response: s.object({}),
  async handle({ pushRules }, { params, query, body, requester }) {
    await pushRules.put(requester, params.kind, params.ruleId, body, query)
    return {}
  },
})
