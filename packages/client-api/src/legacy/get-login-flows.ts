import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** The flows of stages to log in. Founding API. */
export const legacyGetLoginFlows = endpoint({
  method: 'GET',
  path: founding('/login'),
  auth: 'none',
  response: s.object({ flows: s.array(s.object({ type: s.string, stages: s.optional(s.array(s.string)) })) }),
  handle({ login }) {
    return { flows: login.listFlows() }
  },
})
