import { rawJson, streamedJson } from '@hearth/http'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** What is new in the requester's account, waiting for it if need be. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync} */
export const sync = endpoint({
  method: 'GET',
  path: v3('/sync'),
  auth: 'userOrGuest',
  deadlineMs: 240_000,
  longPoll: true,
  query: s.object({
    filter: s.optional(s.string),
    full_state: s.optional(s.boolean),
    set_presence: s.optional(s.literal('offline', 'online', 'unavailable')),
    since: s.optional(s.string),
    timeout: s.optional(s.refine(s.integer, { minimum: 0 })),
    use_state_after: s.optional(s.boolean),
  }),
  response: s.record<unknown>(s.unknown),
  async handle(ctx, { query, requester, signal }) {
    const json = await ctx.sync.sync({
      requester,
      since: query.since,
      timeoutMs: query.timeout ?? 0,
      filter: await ctx.syncFilters.of(requester, query.filter),
      setPresence: query.set_presence,
      fullState: query.full_state ?? false,
      useStateAfter: query.use_state_after ?? false,
      signal,
    })
    return typeof json === 'string' ? rawJson(json) : streamedJson(json)
  },
})
