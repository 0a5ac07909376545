import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'
import { mediaInfo } from './media-info.ts'
import { pageOf, pageQuery } from './user-media-page.ts'

/** What a user has sent. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const listMediaOfUser = administrationEndpoint({
  method: 'GET',
  path: '/_synapse/admin/v1/users/:userId/media',
  auth: 'administrator',
  params: s.object({ userId: s.string }),
  query: s.object(pageQuery),
  response: s.object({ media: s.array(s.record(s.unknown)), total: s.integer, next_token: s.optional(s.integer) }),
  async handle({ administration }, { params, query }) {
    const page = pageOf(query)
    const { rows, total } = await administration.ofUser(params.userId, page)
    const end = page.offset + rows.length
    return { media: rows.map(mediaInfo), total, ...(end < total && rows.length > 0 && { next_token: end }) }
  },
})
