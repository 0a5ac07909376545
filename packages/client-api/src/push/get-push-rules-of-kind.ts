import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { pushRuleList, ruleKind } from './rule-parameters.ts'

/** The push rules of one kind: older versions of the specification had this, and clients still ask. */
export const getPushRulesOfKind = endpoint({
  method: 'GET',
  path: v3('/pushrules/global/:kind/'),
  auth: 'user',
  params: s.object({ kind: ruleKind }),
  response: pushRuleList,
  async handle({ pushRules }, { params, requester }) {
    return (await pushRules.list(requester))[params.kind]
  },
})
