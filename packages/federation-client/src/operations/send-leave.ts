import type { EventId, JsonObject, RoomId, ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { anyObject } from './answer-schemas.ts'
import { path } from './target.ts'

/** {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_leaveroomideventid} */
export async function sendLeave(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  eventId: EventId,
  event: JsonObject,
  options?: RequestOptions,
): Promise<void> {
  await requests.send(
    {
      operation: 'sendLeaveV2',
      destination,
      method: 'PUT',
      target: path`/_matrix/federation/v2/send_leave/${roomId}/${eventId}`,
      body: event,
      answer: anyObject,
    },
    options,
  )
}
