import type { JsonObject, ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { anyObject } from './answer-schemas.ts'

/** {@link https://spec.matrix.org/v1.19/server-server-api/#post_matrixpolicyv1sign} */
export function askPolicyServerToSign(
  requests: Requests,
  destination: ServerName,
  event: JsonObject,
  options?: RequestOptions,
): Promise<JsonObject> {
  return requests.send(
    {
      operation: 'askPolicyServerToSign',
      destination,
      method: 'POST',
      target: '/_matrix/policy/v1/sign',
      body: event,
      answer: anyObject,
      limits: { firstByteMs: 10_000, totalMs: 15_000, maxBytes: 64 * 1024 },
    },
    options,
  )
}
