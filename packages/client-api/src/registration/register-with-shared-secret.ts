import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** Registers an account with the shared secret. {@link https://element-hq.github.io/synapse/latest/admin_api/register_api.html} */
export const registerWithSharedSecret = endpoint({
  method: 'POST',
  path: '/_synapse/admin/v1/register',
  auth: 'none',
  body: s.object({
    nonce: s.string,
    username: s.string,
    password: s.string,
    admin: s.optional(s.boolean),
    user_type: s.optional(s.string),
    mac: s.string,
  }),
  response: s.object({ user_id: s.string, access_token: s.string, home_server: s.string, device_id: s.string }),
  async handle({ sharedSecretRegistration, server }, { body, ip }) {
    const { userId, session } = await sharedSecretRegistration.register({
      nonce: body.nonce,
      username: body.username,
      password: body.password,
      admin: body.admin ?? false,
      userType: body.user_type,
      mac: body.mac,
      ip,
    })
    return {
      user_id: userId,
      access_token: session.accessToken,
      home_server: server.serverName,
      device_id: session.deviceId,
    }
  },
})
