import { s, type JsonObject } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Takes what a person has entered on `getAuthFallback`. {@link https://spec.matrix.org/v1.19/client-server-api/#fallback} */
export const submitAuthFallback = endpoint({
  method: 'POST',
  path: v3('/auth/:authType/fallback/web'),
  auth: 'none',
  rateLimit: 'login',
  params: s.object({ authType: s.string }),
  body: s.object({ session: s.string }),
  response: s.object({}),
  async handle({ fallbackAuth }, { params, body, ip }) {
    const { session, ...submission } = body as JsonObject & { session: string }
    await fallbackAuth.attempt(session, params.authType, submission, ip)
    return {}
  },
})
