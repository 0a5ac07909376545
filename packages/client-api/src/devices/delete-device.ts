import { s, type DeviceId, type JsonObject } from '@hearth/protocol'
import { challengeAnswer } from '../auth-challenge.ts'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/**
 * Logs a device out, with user-interactive authentication.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3devicesdeviceid}
 */
export const deleteDevice = endpoint({
  method: 'DELETE',
  path: v3('/devices/:deviceId'),
  auth: 'user',
  rateLimit: 'devices',
  params: s.object({ deviceId: s.format<DeviceId>('mx-device-id') }),
  allowEmptyBody: true,
  body: s.object({ auth: s.optional(s.record<unknown>(s.unknown)) }),
  response: s.object({}),
  async handle({ devices }, { params, body, requester, ip }) {
    const outcome = await devices.delete({ requester, body: body as JsonObject, ip }, params.deviceId)
    return outcome.kind === 'challenge' ? challengeAnswer(outcome.challenge) : {}
  },
})
