import type { WantedKeys } from '@hearth/core'
import { badJson, isServerName, s, type ServerName } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { keyDocuments } from './key-document.ts'

/** As many servers as a large room has in it may be asked about in a few requests. */
const maxServers = 1_000
/** How many keys of one server are looked for; it is given with all that it has. */
const maxKeys = 100

/**
 * Gives the keys of several servers, vouching for them: of each all that are known, whichever were asked for.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#post_matrixkeyv2query}
 */
export const bulkPerspectivesKeyQuery = endpoint({
  method: 'POST',
  path: '/_matrix/key/v2/query',
  auth: 'none',
  rateLimit: 'keys',
  body: s.object({
    server_keys: s.record(s.record(s.object({ minimum_valid_until_ts: s.optional(s.integer) }))),
  }),
  response: keyDocuments,
  async handle({ notary, mayAskForKeys }, { body, ip }) {
    const wanted = new Map<ServerName, WantedKeys>()
    for (const [server, criteria] of Object.entries(body.server_keys)) {
      if (!isServerName(server)) continue
      const entries = Object.entries(criteria).slice(0, maxKeys)
      const times = entries.flatMap(([, { minimum_valid_until_ts: until }]) => until ?? [])
      const until = times.length === 0 ? undefined : Math.max(...times)
      wanted.set(server, { keyIds: entries.map(([keyId]) => keyId), until })
    }
    if (wanted.size > maxServers) throw badJson(`Keys of at most ${maxServers} servers can be asked for`)
    return { server_keys: await notary.documentsOf(wanted, () => mayAskForKeys(ip)) }
  },
})
