import { invalidParam, s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'

/** Removes a file of this server for good. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const deleteMediaById = administrationEndpoint({
  method: 'DELETE',
  path: '/_synapse/admin/v1/media/:serverName/:mediaId',
  auth: 'administrator',
  params: s.object({ serverName: s.string, mediaId: s.string }),
  response: s.object({ deleted_media: s.array(s.string), total: s.integer }),
  async handle({ administration, media }, { params: { serverName, mediaId } }) {
    if (serverName !== media.serverName) throw invalidParam('Only files of this server can be deleted one by one')
    await administration.delete(mediaId)
    return { deleted_media: [mediaId], total: 1 }
  },
})
