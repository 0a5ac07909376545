import type { JsonObject, ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { anyObject } from './answer-schemas.ts'

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server} */
export function getServerKeys(
  requests: Requests,
  destination: ServerName,
  options?: RequestOptions,
): Promise<JsonObject> {
  return requests.send(
    {
      operation: 'getServerKey',
      destination,
      method: 'GET',
      target: '/_matrix/key/v2/server',
      signed: false,
      answer: anyObject,
      limits: { connectMs: 5_000, firstByteMs: 10_000, totalMs: 15_000, maxBytes: 256 * 1024 },
    },
    options,
  )
}
