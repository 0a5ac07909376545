import type { JsonObject, ServerName, UserId } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { anyObject } from './answer-schemas.ts'
import { withQuery } from './target.ts'

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile} */
export function queryProfile(
  requests: Requests,
  destination: ServerName,
  userId: UserId,
  field?: string,
  options?: RequestOptions,
): Promise<JsonObject> {
  return requests.send(
    {
      operation: 'queryProfile',
      destination,
      method: 'GET',
      target: withQuery('/_matrix/federation/v1/query/profile', { user_id: userId, field }),
      answer: anyObject,
      limits: { firstByteMs: 10_000, totalMs: 15_000, maxBytes: 128 * 1024 },
    },
    options,
  )
}
