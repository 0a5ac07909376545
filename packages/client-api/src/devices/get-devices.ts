import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { showDevice, shownDevice } from './shown-device.ts'

/** The devices of who asks. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devices} */
export const getDevices = endpoint({
  method: 'GET',
  path: v3('/devices'),
  auth: 'userOrGuest',
  response: s.object({ devices: s.array(shownDevice) }),
  async handle({ devices }, { requester }) {
    return { devices: (await devices.list(requester)).map(showDevice) }
  },
})
