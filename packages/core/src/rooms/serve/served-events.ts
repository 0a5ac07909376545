import { notFound, type EventId, type RoomId, type ServerName } from '@hearth/protocol'
import { prevEventIds } from '@hearth/rooms'
import type { EventRow, Store } from '@hearth/store'
import type { RoomEvents } from '../room-events.ts'
import type { RoomRegistry } from '../room-registry.ts'
import { EventWalk } from './event-walk.ts'
import type { ServedRoom, ServerAccess } from './server-access.ts'
import { isServable } from './server-visibility.ts'

export interface MissingEventsRequest {
  readonly roomId: RoomId
  /** Events whose predecessors are wanted; they are not part of the answer themselves. */
  readonly latest: readonly EventId[]
  /** Events that the server has. */
  readonly earliest: readonly EventId[]
  readonly minDepth: number
  readonly limit: number
}

const maxBackfilled = 100
const maxMissing = 20
/** How many of the events that a request starts at are looked at. */
const maxStarts = 100
/** Events that are looked at, however few of them may be given out. */
const maxLookedAt = 1_000

interface ServedEventsDeps {
  readonly store: Store
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
  readonly access: ServerAccess
}

/**
 * Gives other servers events that they missed, as canonical JSON: of what they may not see, what redaction leaves, since
 * the room's graph has to hang together.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events}
 */
export class ServedEvents {
  readonly #deps: ServedEventsDeps

  constructor(deps: ServedEventsDeps) {
    this.#deps = deps
  }

  /**
   * One event of any room.
   *
   * @throws MatrixError M_NOT_FOUND where there is none, and for a server that may not ask about its room: the answers do
   *   not differ.
   */
  async event(origin: ServerName, eventId: EventId): Promise<string> {
    const { store, rooms, access } = this.#deps
    const [row] = await store.events.findByIds([eventId])
    const room = row && isServable(row) ? await rooms.findByNid(row.roomNid) : undefined
    const served = room && (await access.find(room, origin))
    if (!row || !served) throw notFound('Event not found')
    // A server that left is told that there is an event only if it was there.
    if (!served.isInRoom && !(await served.judge.wasJoinedAt(row))) throw notFound('Event not found')
    const [event] = await served.judge.serve([row])
    return event!.json
  }

  /**
   * Events and what came before them, the deepest first. Those that are not of the room are left out.
   *
   * @throws MatrixError M_FORBIDDEN for servers that may not ask about the room.
   */
  async backfill(origin: ServerName, roomId: RoomId, from: readonly EventId[], limit: number): Promise<string[]> {
    const served = await this.#deps.access.enter(roomId, origin)
    const walk = new EventWalk(this.#deps, served.room)
    const starts = await walk.lookAhead(from.slice(0, maxStarts), maxBackfilled)
    walk.add(starts.map(({ eventId }) => eventId))
    const found = await this.#collect(served, walk, { limit: Math.min(limit, maxBackfilled), minDepth: 0 })
    return (await served.judge.serve(found)).map(({ json }) => json)
  }

  /**
   * The events before some, without those that the server has and what came before these: oldest first.
   *
   * @throws MatrixError M_FORBIDDEN for servers that may not ask about the room.
   */
  async missing(origin: ServerName, request: MissingEventsRequest): Promise<string[]> {
    const { roomId, latest, earliest, minDepth, limit } = request
    const served = await this.#deps.access.enter(roomId, origin)
    const walk = new EventWalk(this.#deps, served.room, [...earliest, ...latest])
    const starts = await walk.lookAhead(latest.slice(0, maxStarts), maxMissing + 1)
    for (const start of starts) walk.addBefore(start)
    const found = await this.#collect(served, walk, { limit: Math.min(limit, maxMissing), minDepth, starts })
    return (await served.judge.serve(found.reverse())).map(({ json }) => json)
  }

  /**
   * What a walk comes to, as far as it may be given out: to a server that has left, what it was there for, and what came before
   * that, of which it may see what redaction leaves. Without that it could not tell what sent it away.
   */
  async #collect(
    { isInRoom, judge }: ServedRoom,
    walk: EventWalk,
    {
      limit,
      minDepth,
      starts = [],
    }: { readonly limit: number; readonly minDepth: number; readonly starts?: readonly EventRow[] },
  ): Promise<EventRow[]> {
    const found: EventRow[] = []
    const beforeShared = new Set<EventId>()
    const share = (row: EventRow): void => {
      for (const id of prevEventIds(this.#deps.events.parse(row).pdu)) beforeShared.add(id)
    }
    for (const start of starts) if (!isInRoom && (await judge.wasJoinedAt(start))) share(start)
    for (let lookedAt = 0; lookedAt < maxLookedAt && found.length < limit; lookedAt += 1) {
      const row = await walk.next()
      // The walk goes from the deepest event up.
      if (!row || row.depth < minDepth) break
      walk.addBefore(row)
      const isShared = isInRoom || beforeShared.has(row.eventId) || (await judge.wasJoinedAt(row))
      if (!isShared) continue
      if (!isInRoom) share(row)
      if (isServable(row)) found.push(row)
    }
    return found
  }
}
