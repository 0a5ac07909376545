import { s } from '@hearth/protocol'
import { administrationEndpoint } from './context.ts'

/** Locks away what a user has sent. {@link https://element-hq.github.io/synapse/latest/admin_api/media_admin_api.html} */
export const quarantineMediaByUser = administrationEndpoint({
  method: 'POST',
  path: '/_synapse/admin/v1/user/:userId/media/quarantine',
  auth: 'administrator',
  params: s.object({ userId: s.string }),
  response: s.object({ num_quarantined: s.integer }),
  async handle({ administration }, { params, requester }) {
    return { num_quarantined: await administration.quarantineOfUser(params.userId, requester.userId) }
  },
})
