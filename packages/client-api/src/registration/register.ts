import type { Registered } from '@hearth/core'
import { s, type JsonObject } from '@hearth/protocol'
import { challengeAnswer } from '../auth-challenge.ts'
import { endpoint, type ServerFacts } from '../context.ts'
import { APPLICATION_SERVICE, noApplicationService } from '../login/application-service.ts'
import { optionalTokenFields, tokenFields } from '../login/token-fields.ts'
import { v3 } from '../paths.ts'

/** Registers an account. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register} */
export const register = endpoint({
  method: 'POST',
  path: v3('/register'),
  auth: 'none',
  rateLimit: 'registration',
  query: s.object({ kind: s.optional(s.literal('guest', 'user')) }),
  allowEmptyBody: true,
  body: s.object({
    auth: s.optional(s.record<unknown>(s.unknown)),
    username: s.optional(s.string),
    password: s.optional(s.string),
    device_id: s.optional(s.string),
    initial_device_display_name: s.optional(s.string),
    inhibit_login: s.optional(s.boolean),
    refresh_token: s.optional(s.boolean),
    guest_access_token: s.optional(s.string),
    type: s.optional(s.string),
  }),
  response: s.object({
    user_id: s.string,
    home_server: s.string,
    device_id: s.optional(s.string),
    ...optionalTokenFields,
  }),
  async handle({ registration, server }, { query, body, ip }) {
    if (body.type === APPLICATION_SERVICE) throw noApplicationService()
    const device = { displayName: body.initial_device_display_name, refreshable: body.refresh_token, ip }
    if (query.kind === 'guest') return registeredAnswer(await registration.registerGuest(device), server)
    const outcome = await registration.register({
      username: body.username,
      password: body.password,
      device: { ...device, deviceId: body.device_id },
      inhibitLogin: body.inhibit_login ?? false,
      guestAccessToken: body.guest_access_token,
      body: body as JsonObject,
    })
    if (outcome.kind === 'challenge') return challengeAnswer(outcome.challenge)
    return registeredAnswer(outcome.registered, server)
  },
})

function registeredAnswer({ userId, session }: Registered, { serverName }: ServerFacts) {
  return {
    user_id: userId,
    home_server: serverName,
    ...(session && { device_id: session.deviceId, ...tokenFields(session) }),
  }
}
