import { s, type ServerName } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { keyDocuments } from './key-document.ts'

/**
 * Gives the keys of another server, vouching for them. Older servers name the one they want; they are given all as well.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2queryservername}
 */
export const perspectivesKeyQuery = endpoint({
  method: 'GET',
  path: ['/_matrix/key/v2/query/:serverName', '/_matrix/key/v2/query/:serverName/:keyId'],
  auth: 'none',
  rateLimit: 'keys',
  params: s.object({ serverName: s.format<ServerName>('mx-server-name') }),
  query: s.object({ minimum_valid_until_ts: s.optional(s.integer) }),
  response: keyDocuments,
  async handle({ notary, mayAskForKeys }, { params, query, ip }) {
    const wanted = { keyIds: [], until: query.minimum_valid_until_ts }
    return { server_keys: await notary.documentsOf(new Map([[params.serverName, wanted]]), () => mayAskForKeys(ip)) }
  },
})
