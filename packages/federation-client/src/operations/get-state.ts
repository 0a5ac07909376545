import { s, type EventId, type JsonObject, type RoomId, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { pdus } from './answer-schemas.ts'
import { longAnswer } from './long-answer.ts'
import { pduLists, type OnPdu } from './pdu-lists.ts'
import { path, withQuery } from './target.ts'

/** The state of a room before an event, and the events that authorize it. */
export interface StateAnswer {
  readonly pdus: readonly JsonObject[]
  readonly auth_chain: readonly JsonObject[]
}

export interface GetStateOptions extends RequestOptions {
  /** Takes the PDUs as they arrive; the lists of the answer stay empty. */
  readonly onPdu?: OnPdu<'pdus' | 'auth_chain'>
}

const answer = s.object({ pdus, auth_chain: pdus })

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid} */
export function getState(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  eventId: EventId,
  { onPdu, ...options }: GetStateOptions = {},
): Promise<StateAnswer> {
  return requests.send(
    {
      operation: 'getRoomState',
      destination,
      method: 'GET',
      target: withQuery(path`/_matrix/federation/v1/state/${roomId}`, { event_id: eventId }),
      answer,
      lists: pduLists(['pdus', 'auth_chain'], onPdu),
      limits: longAnswer,
    },
    options,
  )
}
