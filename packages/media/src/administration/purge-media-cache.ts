import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'

/** Removes files of other servers that were not used for long; they are fetched again when somebody wants them. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const purgeMediaCache = administrationEndpoint({
  method: 'POST',
  path: '/_synapse/admin/v1/purge_media_cache',
  auth: 'administrator',
  allowEmptyBody: true,
  query: s.object({ before_ts: s.refine(s.integer, { minimum: 0 }) }),
  response: s.object({ deleted: s.integer }),
  async handle({ administration }, { query }) {
    return { deleted: await administration.purgeCache(query.before_ts) }
  },
})
