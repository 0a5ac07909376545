import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { refuseRulePath } from './rule-parameters.ts'

/** Paths like those of push rules that name none to change. They are 400, as Synapse has it. */
export const setNoPushRule = endpoint({
  method: 'PUT',
  path: [
    v3('/pushrules/'),
    v3('/pushrules/:scope'),
    v3('/pushrules/:scope/:kind'),
    v3('/pushrules/:scope/:kind/'),
    v3('/pushrules/:scope/:kind/:ruleId'),
    v3('/pushrules/:scope/:kind/:ruleId/:attribute'),
  ],
  auth: 'user',
  rateLimit: 'pushRules',
  response: s.object({}),
  handle: refuseRulePath,
})
