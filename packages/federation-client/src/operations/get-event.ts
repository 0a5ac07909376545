import { s, type EventId, type JsonObject, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { InvalidAnswer, ServerUnreachable } from '../server-unreachable.ts'
import { pdus } from './answer-schemas.ts'
import { pduLists } from './pdu-lists.ts'
import { path } from './target.ts'

const answer = s.object({ pdus })

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid} */
export async function getEvent(
  requests: Requests,
  destination: ServerName,
  eventId: EventId,
  options?: RequestOptions,
): Promise<JsonObject> {
  const found = await requests.send(
    {
      operation: 'getEvent',
      destination,
      method: 'GET',
      target: path`/_matrix/federation/v1/event/${eventId}`,
      answer,
      lists: pduLists(['pdus']),
      limits: { maxBytes: 2 * 1024 * 1024 },
    },
    options,
  )
  const [pdu] = found.pdus
  if (pdu === undefined) throw new ServerUnreachable(destination, new InvalidAnswer('there is no event in it'))
  return pdu
}
