import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'

/** Gives a file free that was locked away. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const unquarantineMediaById = administrationEndpoint({
  method: 'POST',
  path: '/_synapse/admin/v1/media/unquarantine/:serverName/:mediaId',
  auth: 'administrator',
  params: s.object({ serverName: s.string, mediaId: s.string }),
  response: s.object({}),
  async handle({ administration }, { params: { serverName, mediaId } }) {
    await administration.quarantine(serverName, mediaId, null)
    return {}
  },
})
