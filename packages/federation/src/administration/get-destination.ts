import { notFound, s } from '@hearth/protocol'
import { administrationEndpoint, asServerName } from './context.ts'
import { destinationInfo, destinationInfoSchema } from './destination-info.ts'

/** How another server is doing. {@link https://element-hq.github.io/synapse/latest/usage/administration/admin_api/federation.html} */
export const getDestination = administrationEndpoint({
  method: 'GET',
  path: '/_synapse/admin/v1/federation/destinations/:destination',
  auth: 'administrator',
  params: s.object({ destination: s.string }),
  response: destinationInfoSchema,
  async handle({ store }, { params }) {
    const row = await store.fedDestinations.find(asServerName(params.destination))
    if (row === undefined) throw notFound('Nothing is known of this server')
    return destinationInfo(row)
  },
})
