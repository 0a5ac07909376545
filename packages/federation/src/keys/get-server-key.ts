import { endpoint } from '../context.ts'
import { keyDocument } from './key-document.ts'

/**
 * Gives the keys of this server. Older servers name the one they want; they are given all as well.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server}
 */
export const getServerKey = endpoint({
  method: 'GET',
  path: ['/_matrix/key/v2/server', '/_matrix/key/v2/server/:keyId'],
  auth: 'none',
  rateLimit: 'keys',
  response: keyDocument,
  handle: ({ ownKeys }) => ownKeys.document(),
})
