import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** The flows of stages to register. Founding API. */
export const legacyGetRegistrationFlows = endpoint({
  method: 'GET',
  path: founding('/register'),
  auth: 'none',
  response: s.object({ flows: s.array(s.object({ type: s.string, stages: s.optional(s.array(s.string)) })) }),
  handle({ registration }) {
    return { flows: registration.listFlows() }
  },
})
