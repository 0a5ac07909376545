import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'
import { mediaInfo } from './media-info.ts'

/** What is known of a file. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const queryMediaById = administrationEndpoint({
  method: 'GET',
  path: '/_synapse/admin/v1/media/:serverName/:mediaId',
  auth: 'administrator',
  params: s.object({ serverName: s.string, mediaId: s.string }),
  response: s.object({ media_info: s.record(s.unknown) }),
  async handle({ administration }, { params: { serverName, mediaId } }) {
    const row = await administration.find(serverName, mediaId)
    return { media_info: { media_origin: row.server, user_id: row.userId, ...mediaInfo(row) } }
  },
})
