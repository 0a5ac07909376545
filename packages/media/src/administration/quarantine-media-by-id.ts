import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'

/** Locks a file away. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const quarantineMediaById = administrationEndpoint({
  method: 'POST',
  path: '/_synapse/admin/v1/media/quarantine/:serverName/:mediaId',
  auth: 'administrator',
  params: s.object({ serverName: s.string, mediaId: s.string }),
  response: s.object({}),
  async handle({ administration }, { params: { serverName, mediaId }, requester }) {
    await administration.quarantine(serverName, mediaId, requester.userId)
    return {}
  },
})
