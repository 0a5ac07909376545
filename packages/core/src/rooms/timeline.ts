import { notFound, type EventId, type JsonObject } from '@hearth/protocol'
import type { EventRow, Store } from '@hearth/store'
import { EventFilter } from '../events/event-filter.ts'
import type { EventSerializer } from '../events/event-serializer.ts'
import { viewerOf, type PresentedEvent } from '../events/presented-event.ts'
import type { Requester } from '../requester.ts'
import type { Aggregator } from '../relations/aggregator.ts'
import type { CaughtUpRooms } from './caught-up-rooms.ts'
import type { EventPresenter } from './event-presenter.ts'
import type { HistoryVisibility } from './history-visibility.ts'
import { formatToken, parseToken } from './position-token.ts'
import type { Room } from './room.ts'
import type { RoomAccess } from './room-access.ts'
import type { RoomEvents } from './room-events.ts'
import type { RoomRegistry } from './room-registry.ts'
import type { TimelineReader } from './timeline-reader.ts'

export interface PageRequest {
  readonly requester: Requester
  readonly room: Room
  readonly direction: 'b' | 'f'
  /** A token; the newest or oldest event that the requester may see when absent. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly limit: number
  readonly filter?: EventFilter | undefined
}

export interface Page {
  readonly start: string
  /** Absent when there is nothing further. */
  readonly end?: string
  /** Where the page stops, whether or not there is more. */
  readonly last: string
  readonly events: JsonObject[]
  /** With lazily loaded members: the member events of the senders. */
  readonly state?: JsonObject[]
}

export interface TimelineDeps {
  readonly store: Store
  readonly caughtUp: CaughtUpRooms
  readonly access: RoomAccess
  readonly visibility: HistoryVisibility
  readonly serializer: EventSerializer
  readonly reader: TimelineReader
  readonly presenter: EventPresenter
  readonly aggregator: Aggregator
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
}

const everything = new EventFilter()

/** Reading a room's events: pages of its timeline and single events. */
export class Timeline {
  readonly #deps: TimelineDeps

  constructor(deps: TimelineDeps) {
    this.#deps = deps
  }

  /**
   * A page of the timeline, newest first with direction `b`, oldest first with `f`.
   * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages}
   *
   * @throws MatrixError M_FORBIDDEN for those who may not read the room, M_INVALID_PARAM for a bad token.
   */
  async page(request: PageRequest): Promise<Page> {
    const { requester, direction, limit, filter = everything } = request
    const from = request.from === undefined ? undefined : parseToken(request.from)
    const to = request.to === undefined ? undefined : parseToken(request.to)
    const room = await this.#deps.caughtUp.at(request.room, from, to)
    const access = await this.#deps.access.forReading(room, requester.userId)
    const reading = await this.#deps.reader.read({
      room,
      userId: requester.userId,
      lastPos: access.upTo,
      from,
      to,
      direction,
      limit,
      filter,
    })
    const [presented] = await this.#deps.presenter.present(requester, [reading])
    const [events] = await this.#deps.aggregator.bundle(requester, [{ room, upTo: access.upTo, events: presented! }])
    const now = this.#deps.serializer.now()
    const first = direction === 'b' ? access.upTo : (events![0]?.pos ?? 1) - 1
    const last = formatToken(reading.end)
    // Forwards, there may always be more later.
    const hasMore = !reading.isExhausted || (direction === 'f' && events!.length > 0)
    return {
      start: formatToken(from ?? first),
      ...(hasMore && { end: last }),
      last,
      events: events!.map((event) => event.client.toObject(viewerOf(event, now))),
      ...(filter.lazyLoadMembers && { state: await this.#membersOf(room, events!) }),
    }
  }

  /**
   * One event of a room.
   *
   * @throws MatrixError M_NOT_FOUND where there is none or the requester may not see it: the answers do not differ.
   */
  async event(requester: Requester, room: Room | undefined, eventId: EventId): Promise<JsonObject> {
    const [row] = await this.#deps.store.events.findByIds([eventId])
    if (!room || row?.roomNid !== room.nid || row.streamPos === null) throw notFound('Event not found')
    return this.#visibleEvent(requester, room, row)
  }

  /** One event, whatever its room. @throws MatrixError M_NOT_FOUND as {@link event}. */
  async eventOfAnyRoom(requester: Requester, eventId: EventId): Promise<JsonObject> {
    const [row] = await this.#deps.store.events.findByIds([eventId])
    const room = row && (await this.#deps.rooms.findByNid(row.roomNid))
    if (!row || !room || row.streamPos === null) throw notFound('Event not found')
    return this.#visibleEvent(requester, room, row)
  }

  /** The member events of those who sent the events of a page, as they were at its first one. */
  async #membersOf(room: Room, page: readonly PresentedEvent[]): Promise<JsonObject[]> {
    const [first] = page
    if (!first) return []
    const { events, serializer, store } = this.#deps
    const state = await store.states.load(room.nid, first.stateNid)
    const senders = [...new Set(page.map(({ event }) => event.pdu.sender))]
    const nids = await Promise.all(senders.map((sender) => events.findStateNid(state, 'm.room.member', sender)))
    const members = await serializer.serializeNids(
      room,
      nids.filter((nid) => nid !== undefined),
    )
    return members.map((event) => event.toObject({ now: serializer.now() }))
  }

  async #visibleEvent(requester: Requester, room: Room, row: EventRow): Promise<JsonObject> {
    const { access, visibility, events, presenter, aggregator, serializer } = this.#deps
    const pos = row.streamPos!
    const readable = await access.findForReading(room, requester.userId)
    if (!readable || pos > readable.upTo) throw notFound('Event not found')
    const point = { pos, nid: row.nid, stateNid: row.stateNid ?? room.head.stateNid, event: events.parse(row), row }
    const visible = await visibility.judge(room, requester.userId).visible([point])
    if (visible.length === 0) throw notFound('Event not found')
    const [presented] = await presenter.present(requester, [{ room, events: visible }])
    const bundled = await aggregator.bundle(requester, [{ room, upTo: readable.upTo, events: presented! }])
    const [[shown]] = bundled as [[PresentedEvent]]
    return shown.client.toObject(viewerOf(shown, serializer.now()))
  }
}
