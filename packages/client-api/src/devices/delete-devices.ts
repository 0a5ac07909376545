import { s, type DeviceId, type JsonObject } from '@hearth/protocol'
import { challengeAnswer } from '../auth-challenge.ts'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/**
 * Logs several devices out, with user-interactive authentication.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3delete_devices}
 */
export const deleteDevices = endpoint({
  method: 'POST',
  path: v3('/delete_devices'),
  auth: 'user',
  rateLimit: 'devices',
  body: s.object({
    auth: s.optional(s.record<unknown>(s.unknown)),
    // Later requests of a session may leave it out.
    devices: s.optional(s.array(s.format<DeviceId>('mx-device-id'), { maxItems: 1_000 })),
  }),
  response: s.object({}),
  async handle({ devices }, { body, requester, ip }) {
    const outcome = await devices.deleteSome({ requester, body: body as JsonObject, ip }, body.devices)
    return outcome.kind === 'challenge' ? challengeAnswer(outcome.challenge) : {}
  },
})
