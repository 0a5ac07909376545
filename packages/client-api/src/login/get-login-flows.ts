import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** The ways to log in. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3login} */
export const getLoginFlows = endpoint({
  method: 'GET',
  path: v3('/login'),
  auth: 'none',
  response: s.object({ flows: s.array(s.object({ type: s.string, get_login_token: s.optional(s.boolean) })) }),
  handle({ login }) {
    // A token is had from a device that is logged in: see `generateLoginToken`.
    return { flows: [...login.listFlows(), { type: 'm.login.token', get_login_token: true }] }
  },
})
