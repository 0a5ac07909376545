import { s } from '@hearth/protocol'
import type { DestinationOrder } from '@hearth/store'
import { administrationEndpoint } from './context.ts'
import { destinationInfo, destinationInfoSchema } from './destination-info.ts'
import { nextToken, pageOf, pageQuery } from './page.ts'

const orders = {
  destination: 'name',
  retry_last_ts: 'failedTs',
  retry_interval: 'waitMs',
  failure_ts: 'failingSinceTs',
  last_successful_stream_ordering: 'sentUpTo',
} as const satisfies Record<string, DestinationOrder>

/** The other servers that there was anything to do with, and how they are doing. {@link https://element-hq.github.io/synapse/latest/usage/administration/admin_api/federation.html} */
export const listDestinations = administrationEndpoint({
  method: 'GET',
  path: '/_synapse/admin/v1/federation/destinations',
  auth: 'administrator',
  query: s.object({
    ...pageQuery,
    order_by: s.optional(s.literal(...(Object.keys(orders) as (keyof typeof orders)[]))),
    destination: s.optional(s.string),
  }),
  response: s.object({
    destinations: s.array(destinationInfoSchema),
    total: s.integer,
    next_token: s.optional(s.string),
  }),
  async handle({ store }, { query }) {
    const page = pageOf(query)
    const orderBy = orders[query.order_by ?? 'destination']
    const { rows, total } = await store.fedDestinations.list({ ...page, orderBy, named: query.destination })
    return { destinations: rows.map(destinationInfo), total, ...nextToken(page, rows.length, total) }
  },
})
