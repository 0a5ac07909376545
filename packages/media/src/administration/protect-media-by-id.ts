import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'

/** Protects a file from being locked away with others. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const protectMediaById = administrationEndpoint({
  method: 'POST',
  path: '/_synapse/admin/v1/media/protect/:mediaId',
  auth: 'administrator',
  params: s.object({ mediaId: s.string }),
  response: s.object({}),
  async handle({ administration }, { params }) {
    await administration.protect(params.mediaId, true)
    return {}
  },
})
