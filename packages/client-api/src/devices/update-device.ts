import { s, type DeviceId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Gives a device another name. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3devicesdeviceid} */
export const updateDevice = endpoint({
  method: 'PUT',
  path: v3('/devices/:deviceId'),
  auth: 'userOrGuest',
  rateLimit: 'devices',
  params: s.object({ deviceId: s.format<DeviceId>('mx-device-id') }),
  body: s.object({ display_name: s.optional(s.string) }),
  response: s.object({}),
  async handle({ devices }, { params, body, requester }) {
    await devices.rename(requester, params.deviceId, body.display_name)
    return {}
  },
})
