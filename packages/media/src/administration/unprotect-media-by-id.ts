import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'

/** Ends the protection of a file. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const unprotectMediaById = administrationEndpoint({
  method: 'POST',
  path: '/_synapse/admin/v1/media/unprotect/:mediaId',
  auth: 'administrator',
  params: s.object({ mediaId: s.string }),
  response: s.object({}),
  async handle({ administration }, { params }) {
    await administration.protect(params.mediaId, false)
    return {}
  },
})
