import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'

const notNegative = s.refine(s.integer, { minimum: 0 })

/** Removes files of this server that were not used for long; what is protected or locked away is kept. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const deleteMediaByDateSize = administrationEndpoint({
  method: 'POST',
  path: ['/_synapse/admin/v1/media/delete', '/_synapse/admin/v1/media/:serverName/delete'],
  auth: 'administrator',
  allowEmptyBody: true,
  query: s.object({
    before_ts: notNegative,
    size_gt: s.optional(notNegative),
    keep_profiles: s.optional(s.boolean),
  }),
  response: s.object({ deleted_media: s.array(s.string), total: s.integer }),
  async handle({ administration }, { query }) {
    const deleted = await administration.deleteOld({
      unusedSinceTs: query.before_ts,
      sizeAbove: query.size_gt,
      unlessShown: query.keep_profiles ?? true,
    })
    return { deleted_media: deleted, total: deleted.length }
  },
})
