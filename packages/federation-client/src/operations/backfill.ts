import { s, type EventId, type JsonObject, type RoomId, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { pdus } from './answer-schemas.ts'
import { pduLists } from './pdu-lists.ts'
import { path, withQuery } from './target.ts'

/** Which events are asked for: those from which to go back, themselves included, and how many at most. */
export interface BackfillRange {
  readonly from: readonly EventId[]
  readonly limit: number
}

const answer = s.object({ pdus })

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid} */
export async function backfill(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  { from, limit }: BackfillRange,
  options?: RequestOptions,
): Promise<readonly JsonObject[]> {
  const found = await requests.send(
    {
      operation: 'backfillRoom',
      destination,
      method: 'GET',
      target: withQuery(path`/_matrix/federation/v1/backfill/${roomId}`, { v: from, limit }),
      answer,
      lists: { ...pduLists(['pdus']), maxItems: 1_000 },
      limits: { firstByteMs: 60_000, totalMs: 90_000, maxBytes: 32 * 1024 * 1024 },
    },
    options,
  )
  return found.pdus
}
