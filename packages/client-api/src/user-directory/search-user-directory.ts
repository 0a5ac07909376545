import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

const maxTermLength = 1_000

/** Finds users by their names. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3user_directorysearch} */
export const searchUserDirectory = endpoint({
  method: 'POST',
  path: v3('/user_directory/search'),
  auth: 'user',
  rateLimit: 'userDirectory',
  body: s.object({
    search_term: s.refine(s.string, { maxLength: maxTermLength }),
    limit: s.optional(s.refine(s.integer, { minimum: 0 })),
  }),
  response: s.object({ results: s.array<unknown>(s.unknown), limited: s.boolean }),
  async handle({ userDirectory }, { body, requester }) {
    return userDirectory.search(requester, { term: body.search_term, limit: body.limit ?? 10 })
  },
})
