import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { refuseRulePath } from './rule-parameters.ts'

/** Paths like those of push rules that name none. Their parts are parameters, so that they are 400, as Synapse has it. */
export const getNoPushRule = endpoint({
  method: 'GET',
  path: [
    v3('/pushrules/:scope'),
    v3('/pushrules/:scope/'),
    v3('/pushrules/:scope/:kind'),
    v3('/pushrules/:scope/:kind/:ruleId/:attribute'),
  ],
  auth: 'user',
  response: s.object({}),
  handle: refuseRulePath,
})
