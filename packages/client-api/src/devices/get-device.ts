import { s, type DeviceId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { showDevice, shownDevice } from './shown-device.ts'

/** A device of who asks. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devicesdeviceid} */
export const getDevice = endpoint({
  method: 'GET',
  path: v3('/devices/:deviceId'),
  auth: 'userOrGuest',
  params: s.object({ deviceId: s.format<DeviceId>('mx-device-id') }),
  response: shownDevice,
  async handle({ devices }, { params, requester }) {
    return showDevice(await devices.get(requester, params.deviceId))
  },
})
