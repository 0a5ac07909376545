import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'
import { pageOf, pageQuery } from './user-media-page.ts'

/** Removes what a user has sent for good; unless the query says otherwise, the newest hundred files. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const deleteMediaOfUser = administrationEndpoint({
  method: 'DELETE',
  path: '/_synapse/admin/v1/users/:userId/media',
  auth: 'administrator',
  params: s.object({ userId: s.string }),
  query: s.object(pageQuery),
  response: s.object({ deleted_media: s.array(s.string), total: s.integer }),
  async handle({ administration }, { params, query }) {
    const deleted = await administration.deleteOfUser(params.userId, pageOf(query))
    return { deleted_media: deleted, total: deleted.length }
  },
})
