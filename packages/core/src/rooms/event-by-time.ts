import { notFound, type EventId } from '@hearth/protocol'
import type { EventRow, Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { PastSearch, TimeQuery } from './backfill/past-search.ts'
import { findByTime } from './find-by-time.ts'
import type { HistoryVisibility } from './history-visibility.ts'
import type { Room } from './room.ts'
import type { RoomAccess } from './room-access.ts'
import type { RoomEvents } from './room-events.ts'

/** Finds events by when they were sent. */
export class EventByTime {
  readonly #deps: {
    readonly store: Store
    readonly events: RoomEvents
    readonly access: RoomAccess
    readonly visibility: HistoryVisibility
    readonly pastSearch: PastSearch
  }

  constructor(deps: {
    store: Store
    events: RoomEvents
    access: RoomAccess
    visibility: HistoryVisibility
    pastSearch: PastSearch
  }) {
    this.#deps = deps
  }

  /**
   * The event closest to a time, in milliseconds since the epoch: the first one from then on with direction `f`, the last
   * one up to then with `b`.
   * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event}
   *
   * @throws MatrixError M_FORBIDDEN for those who may not read the room, M_NOT_FOUND where there is no such event that they
   *   may see.
   */
  async find(
    requester: Requester,
    room: Room,
    ts: number,
    direction: 'b' | 'f',
  ): Promise<{ eventId: EventId; originServerTs: number }> {
    const { access, pastSearch } = this.#deps
    const { upTo } = await access.forReading(room, requester.userId)
    const query = { ts, upTo, direction }
    // What is missing is fetched first: it may be closer than anything that is here.
    await pastSearch.fetch(room, query)
    const found = await this.#closest(requester, room, query)
    if (found) return { eventId: found.event.eventId, originServerTs: found.event.pdu.origin_server_ts }
    throw notFound(`There is no event ${direction === 'f' ? 'from' : 'up to'} that time`)
  }

  #closest(requester: Requester, room: Room, query: TimeQuery) {
    const { store, visibility } = this.#deps
    const judge = visibility.judge(room, requester.userId)
    return findByTime(store, room, query, async (rows) => {
      const [first] = await judge.visible(rows.map((row) => this.#pointOf(room, row)))
      return first
    })
  }

  #pointOf(room: Room, row: EventRow) {
    const stateNid = row.stateNid ?? room.head.stateNid
    return { pos: row.streamPos!, nid: row.nid, stateNid, event: this.#deps.events.parse(row) }
  }
}
