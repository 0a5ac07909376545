import type { JsonObject, RoomId, ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { anyObject } from './answer-schemas.ts'
import { path } from './target.ts'

/** {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid} */
export async function exchangeThirdPartyInvite(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  event: JsonObject,
  options?: RequestOptions,
): Promise<void> {
  await requests.send(
    {
      operation: 'exchangeThirdPartyInvite',
      destination,
      method: 'PUT',
      target: path`/_matrix/federation/v1/exchange_third_party_invite/${roomId}`,
      body: event,
      answer: anyObject,
    },
    options,
  )
}
