import { streamedJson } from '@hearth/http'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** All of the requester's rooms at once. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3initialsync} */
export const initialSync = endpoint({
  method: 'GET',
  path: v3('/initialSync'),
  auth: 'user',
  query: s.object({
    limit: s.optional(s.refine(s.integer, { minimum: 0 })),
    archived: s.optional(s.boolean),
  }),
  response: s.record<unknown>(s.unknown),
  async handle(ctx, { query, requester }) {
    const { limit = 10, archived = false } = query
    return streamedJson(await ctx.initialSync.ofAccount(requester, { limit, archived, dialect: 'today' }))
  },
})
