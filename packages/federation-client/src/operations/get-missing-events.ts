import { s, type EventId, type JsonObject, type RoomId, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { pdus } from './answer-schemas.ts'
import { pduLists } from './pdu-lists.ts'
import { path } from './target.ts'

/** Which gap is to be filled: the events on both sides of it, which are known, and how many there may be. */
export interface MissingEventsRange {
  /** What one has: not to go further back than these. */
  readonly earliestEvents: readonly EventId[]
  /** From where to go back. */
  readonly latestEvents: readonly EventId[]
  readonly limit: number
  /** Events of a smaller depth are not wanted. */
  readonly minDepth?: number
}

const answer = s.object({ events: pdus })

/** {@link https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid} */
export async function getMissingEvents(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  { earliestEvents, latestEvents, limit, minDepth }: MissingEventsRange,
  options?: RequestOptions,
): Promise<readonly JsonObject[]> {
  const found = await requests.send(
    {
      operation: 'getMissingPreviousEvents',
      destination,
      method: 'POST',
      target: path`/_matrix/federation/v1/get_missing_events/${roomId}`,
      body: {
        earliest_events: [...earliestEvents],
        latest_events: [...latestEvents],
        limit,
        ...(minDepth !== undefined && { min_depth: minDepth }),
      },
      answer,
      lists: { ...pduLists(['events']), maxItems: 1_000 },
      limits: { firstByteMs: 60_000, totalMs: 90_000, maxBytes: 32 * 1024 * 1024 },
    },
    options,
  )
  return found.events
}
