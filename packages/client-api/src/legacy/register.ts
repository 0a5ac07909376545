import { s, type JsonObject } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'
import { credentials } from './credentials.ts'

/** Takes a stage of a registration; the last one is answered with an access token. Founding API. */
export const legacyRegister = endpoint({
  method: 'POST',
  path: founding('/register'),
  auth: 'none',
  rateLimit: 'registration',
  body: s.record<unknown>(s.unknown),
  response: s.record<unknown>(s.unknown),
  async handle({ registration, server }, { body, ip }) {
    const outcome = await registration.submitStage(body as JsonObject, ip)
    return outcome.kind === 'next' ? outcome.answer : credentials(outcome.registered, server)
  },
})
