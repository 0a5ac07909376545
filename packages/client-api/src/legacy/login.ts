import { s, type JsonObject } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'
import { credentials } from './credentials.ts'

/** Takes a stage of a login; the last one is answered with an access token, others with what comes next. Founding API. */
export const legacyLogin = endpoint({
  method: 'POST',
  path: founding('/login'),
  auth: 'none',
  rateLimit: 'login',
  body: s.record<unknown>(s.unknown),
  response: s.record<unknown>(s.unknown),
  async handle({ login, server }, { body, ip }) {
    const outcome = await login.submitStage(body as JsonObject, ip)
    return outcome.kind === 'next' ? outcome.answer : credentials(outcome.loggedIn, server)
  },
})
