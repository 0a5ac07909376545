import { s, type EventId, type JsonObject, type RoomId, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { pdus } from './answer-schemas.ts'
import { longAnswer } from './long-answer.ts'
import { pduLists } from './pdu-lists.ts'
import { path } from './target.ts'

const answer = s.object({ auth_chain: pdus })

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid} */
export async function getEventAuth(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  eventId: EventId,
  options?: RequestOptions,
): Promise<readonly JsonObject[]> {
  const found = await requests.send(
    {
      operation: 'getEventAuth',
      destination,
      method: 'GET',
      target: path`/_matrix/federation/v1/event_auth/${roomId}/${eventId}`,
      answer,
      lists: pduLists(['auth_chain']),
      limits: { ...longAnswer, firstByteMs: 60_000, totalMs: 300_000, maxBytes: 128 * 1024 * 1024 },
    },
    options,
  )
  return found.auth_chain
}
