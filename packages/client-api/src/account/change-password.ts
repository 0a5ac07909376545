import { s, type JsonObject } from '@hearth/protocol'
import { challengeAnswer } from '../auth-challenge.ts'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/**
 * Changes the password of who asks, with user-interactive authentication.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword}
 */
export const changePassword = endpoint({
  method: 'POST',
  path: v3('/account/password'),
  auth: 'user',
  rateLimit: 'credentials',
  body: s.object({
    auth: s.optional(s.record<unknown>(s.unknown)),
    new_password: s.optional(s.string),
    logout_devices: s.optional(s.boolean),
  }),
  response: s.object({}),
  async handle({ passwordChange }, { body, requester, ip }) {
    const outcome = await passwordChange.change({
      requester,
      newPassword: body.new_password,
      logoutDevices: body.logout_devices ?? true,
      body: body as JsonObject,
      ip,
    })
    return outcome.kind === 'challenge' ? challengeAnswer(outcome.challenge) : {}
  },
})
