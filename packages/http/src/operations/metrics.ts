import { s } from '@hearth/protocol'
import { RawAnswer } from '../answer.ts'
import { endpoint } from './context.ts'

/** The server's metrics in Prometheus's text format. */
export const metrics = endpoint({
  method: 'GET',
  path: '/metrics',
  auth: 'operator',
  response: s.unknown,
  async handle({ metrics }) {
    return new RawAnswer({ contentType: metrics.contentType, payload: await metrics.text() })
  },
})
