import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { optionalTokenFields, tokenFields } from '../login/token-fields.ts'
import { v3 } from '../paths.ts'

/** Gives a device its next access token. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3refresh} */
export const refresh = endpoint({
  method: 'POST',
  path: v3('/refresh'),
  auth: 'none',
  rateLimit: 'refreshes',
  body: s.object({ refresh_token: s.string }),
  response: s.object({ ...optionalTokenFields, access_token: s.string }),
  async handle({ sessions }, { body }) {
    return tokenFields(await sessions.refresh(body.refresh_token))
  },
})
