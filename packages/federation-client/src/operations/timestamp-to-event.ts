import { s, type EventId, type Infer, type RoomId, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { path, withQuery } from './target.ts'

const answer = s.object({ event_id: s.format<EventId>('mx-event-id'), origin_server_ts: s.integer })

/** The event closest to a moment. */
export type TimestampToEventAnswer = Infer<typeof answer>

/** A moment in milliseconds since the epoch, and whether to look after or before it. */
export interface TimestampQuery {
  readonly ts: number
  readonly dir: 'f' | 'b'
}

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid} */
export function timestampToEvent(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  { ts, dir }: TimestampQuery,
  options?: RequestOptions,
): Promise<TimestampToEventAnswer> {
  return requests.send(
    {
      operation: 'getEventByTimestamp',
      destination,
      method: 'GET',
      target: withQuery(path`/_matrix/federation/v1/timestamp_to_event/${roomId}`, { ts, dir }),
      answer,
    },
    options,
  )
}
