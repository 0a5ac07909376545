import { s, type JsonObject, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { pdus as objects } from './answer-schemas.ts'

/** By server, then key id: until when a key must be valid at least, in milliseconds since the epoch. No key ids: all. */
export type KeyCriteria = Readonly<
  Record<string, Readonly<Record<string, { readonly minimum_valid_until_ts?: number }>>>
>

const answer = s.object({ server_keys: objects })

/** {@link https://spec.matrix.org/v1.19/server-server-api/#post_matrixkeyv2query} */
export async function queryKeys(
  requests: Requests,
  notary: ServerName,
  criteria: KeyCriteria,
  options?: RequestOptions,
): Promise<readonly JsonObject[]> {
  const found = await requests.send(
    {
      operation: 'bulkPerspectivesKeyQuery',
      destination: notary,
      method: 'POST',
      target: '/_matrix/key/v2/query',
      body: { server_keys: criteria as JsonObject },
      signed: false,
      answer,
      lists: { names: ['server_keys'], items: 'object', maxItems: 10_000 },
      limits: { firstByteMs: 30_000, totalMs: 60_000, maxBytes: 16 * 1024 * 1024 },
    },
    options,
  )
  return found.server_keys
}
