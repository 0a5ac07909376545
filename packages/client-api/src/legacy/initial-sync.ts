import { streamedJson } from '@hearth/http'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** All of the requester's rooms at once, and where the event stream goes on from there. Founding API. */
export const legacyInitialSync = endpoint({
  method: 'GET',
  path: founding('/initialSync'),
  auth: 'user',
  query: s.object({
    limit: s.optional(s.refine(s.integer, { minimum: 0 })),
    archived: s.optional(s.boolean),
  }),
  response: s.record<unknown>(s.unknown),
  async handle({ initialSync }, { query, requester }) {
    const { limit = 10, archived = false } = query
    return streamedJson(await initialSync.ofAccount(requester, { limit, archived, dialect: 'founding' }))
  },
})
