import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'

/** Locks away the files that are named in a room, as far as it is not encrypted. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const quarantineMediaInRoom = administrationEndpoint({
  method: 'POST',
  path: ['/_synapse/admin/v1/room/:roomId/media/quarantine', '/_synapse/admin/v1/quarantine_media/:roomId'],
  auth: 'administrator',
  params: s.object({ roomId: s.string }),
  response: s.object({ num_quarantined: s.integer }),
  async handle({ administration }, { params, requester }) {
    return { num_quarantined: await administration.quarantineOfRoom(params.roomId, requester.userId) }
  },
})
