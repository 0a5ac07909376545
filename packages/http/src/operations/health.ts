import { s } from '@hearth/protocol'
import { Answer } from '../answer.ts'
import { endpoint } from './context.ts'

/** Whether the server serves: for load balancers and supervisors. */
export const health = endpoint({
  method: 'GET',
  path: '/health',
  auth: 'none',
  response: s.object({ status: s.string, reason: s.optional(s.string) }),
  async handle({ findTrouble }) {
    const reason = await findTrouble()
    if (reason === undefined) return { status: 'ok' }
    return new Answer({ status: 503, body: { status: 'unavailable', reason } })
  },
})
