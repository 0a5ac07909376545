import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'

/** The files that are named in a room, as far as it is not encrypted. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const listMediaInRoom = administrationEndpoint({
  method: 'GET',
  path: '/_synapse/admin/v1/room/:roomId/media',
  auth: 'administrator',
  params: s.object({ roomId: s.string }),
  response: s.object({ local: s.array(s.string), remote: s.array(s.string) }),
  handle({ administration }, { params }) {
    return administration.ofRoom(params.roomId)
  },
})
