import { MatrixError, notFound, s } from '@hearth/protocol'
import { administrationEndpoint, asServerName } from './context.ts'

/** Tries another server at once that is left alone because it has failed, and finds out anew where it is. {@link https://element-hq.github.io/synapse/latest/usage/administration/admin_api/federation.html} */
export const resetConnection = administrationEndpoint({
  method: 'POST',
  path: '/_synapse/admin/v1/federation/destinations/:destination/reset_connection',
  auth: 'administrator',
  allowEmptyBody: true,
  params: s.object({ destination: s.string }),
  response: s.object({}),
  async handle({ store, health }, { params }) {
    const server = asServerName(params.destination)
    if (health.reset(server)) return {}
    if ((await store.fedDestinations.find(server)) === undefined) throw notFound('Nothing is known of this server')
    throw new MatrixError('M_UNKNOWN', 'This server is not left alone', { status: 400 })
  },
})
