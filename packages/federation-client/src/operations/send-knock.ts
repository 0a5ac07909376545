import { s, type EventId, type JsonObject, type RoomId, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { pdus } from './answer-schemas.ts'
import { path } from './target.ts'

const answer = s.object({ knock_room_state: pdus })

/** {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_knockroomideventid} */
export async function sendKnock(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  eventId: EventId,
  event: JsonObject,
  options?: RequestOptions,
): Promise<readonly JsonObject[]> {
  const found = await requests.send(
    {
      operation: 'sendKnock',
      destination,
      method: 'PUT',
      target: path`/_matrix/federation/v1/send_knock/${roomId}/${eventId}`,
      body: event,
      answer,
    },
    options,
  )
  return found.knock_room_state
}
