import { s, type EventId, type RoomId, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { path, withQuery } from './target.ts'

/** As `StateAnswer`, by id. The ids are strings of any form. */
export interface StateIdsAnswer {
  readonly pdu_ids: readonly string[]
  readonly auth_chain_ids: readonly string[]
}

const answer = s.object({ pdu_ids: s.array(s.string), auth_chain_ids: s.array(s.string) })

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid} */
export function getStateIds(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  eventId: EventId,
  options?: RequestOptions,
): Promise<StateIdsAnswer> {
  return requests.send(
    {
      operation: 'getRoomStateIds',
      destination,
      method: 'GET',
      target: withQuery(path`/_matrix/federation/v1/state_ids/${roomId}`, { event_id: eventId }),
      answer,
      lists: { names: ['pdu_ids', 'auth_chain_ids'], items: 'string', maxItems: 400_000 },
      limits: { firstByteMs: 120_000, idleMs: 60_000, totalMs: 300_000, maxBytes: 64 * 1024 * 1024 },
    },
    options,
  )
}
