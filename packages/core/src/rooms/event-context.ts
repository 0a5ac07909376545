import { notFound, type EventId, type JsonObject } from '@hearth/protocol'
import { TimeSlice, type Clock } from '@hearth/runtime'
import type { EventRow, Store } from '@hearth/store'
import { EventFilter } from '../events/event-filter.ts'
import type { EventSerializer } from '../events/event-serializer.ts'
import { viewerOf, type PresentedEvent } from '../events/presented-event.ts'
import type { Aggregator } from '../relations/aggregator.ts'
import type { Requester } from '../requester.ts'
import type { EventPresenter } from './event-presenter.ts'
import type { HistoryVisibility, TimelinePoint, Visible } from './history-visibility.ts'
import { formatToken } from './position-token.ts'
import type { Room } from './room.ts'
import type { ReadAccess, RoomAccess } from './room-access.ts'
import type { RoomEvents } from './room-events.ts'
import type { TimelineReader } from './timeline-reader.ts'

export interface EventContextRequest {
  readonly requester: Requester
  readonly room: Room
  readonly eventId: EventId
  /** How many events to give besides the one that is asked for, before and after it together. */
  readonly limit: number
  readonly filter?: EventFilter | undefined
}

export interface EventContext {
  /** Where paging backwards goes on. */
  readonly start: string
  /** Where paging forwards goes on. */
  readonly end: string
  readonly event: JsonObject
  /** Newest first. */
  readonly before: JsonObject[]
  /** Oldest first. */
  readonly after: JsonObject[]
  /** The room's state at the last of them. */
  readonly state: JsonObject[]
}

export interface EventContextsDeps {
  readonly store: Store
  readonly events: RoomEvents
  readonly access: RoomAccess
  readonly visibility: HistoryVisibility
  readonly reader: TimelineReader
  readonly presenter: EventPresenter
  readonly aggregator: Aggregator
  readonly serializer: EventSerializer
  readonly clock: Clock
}

type FoundEvent = Visible<TimelinePoint & { readonly row: EventRow }>

const everything = new EventFilter()

/** Shows an event among those around it. */
export class EventContexts {
  readonly #deps: EventContextsDeps

  constructor(deps: EventContextsDeps) {
    this.#deps = deps
  }

  /**
   * An event with what came just before and just after it. The filter chooses among these, not the event itself.
   * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid}
   *
   * @throws MatrixError M_FORBIDDEN for those who may not read the room, M_NOT_FOUND where there is no such event or the
   *   requester may not see it.
   */
  async around(request: EventContextRequest): Promise<EventContext> {
    const { requester, room, filter = everything, limit } = request
    const { access, reader, presenter, aggregator, serializer } = this.#deps
    const readable = await access.forReading(room, requester.userId)
    const point = await this.#find(request, readable)
    const { userId } = requester
    const limitBefore = Math.floor(limit / 2)
    const common = { room, userId, lastPos: readable.upTo, filter }
    const [before, after] = await Promise.all([
      reader.read({ ...common, from: point.pos - 1, direction: 'b', limit: limitBefore }),
      reader.read({ ...common, behind: point.pos, direction: 'f', limit: limit - limitBefore }),
    ])
    const presented = await presenter.present(requester, [{ room, events: [point] }, before, after])
    const [[own], earlier, later] = (await aggregator.bundle(
      requester,
      presented.map((events) => ({ room, upTo: readable.upTo, events })),
    )) as [[PresentedEvent], PresentedEvent[], PresentedEvent[]]
    const senders = new Set([own, ...earlier, ...later].map(({ event }) => event.pdu.sender))
    const now = serializer.now()
    const toObject = (event: PresentedEvent) => event.client.toObject(viewerOf(event, now))
    return {
      start: formatToken(before.end),
      end: formatToken(after.end),
      event: toObject(own),
      before: earlier.map(toObject),
      after: later.map(toObject),
      state: await this.#stateAt(room, later.at(-1) ?? own, filter, senders),
    }
  }
  async #find({ requester, room, eventId }: EventContextRequest, { upTo }: ReadAccess): Promise<FoundEvent> {
    const { store, events, visibility } = this.#deps
    const [row] = await store.events.findByIds([eventId])
    const pos = row?.streamPos ?? Infinity
    if (row?.roomNid !== room.nid || pos > upTo) throw notFound('Event not found')
    const point = { pos, nid: row.nid, stateNid: row.stateNid ?? room.head.stateNid, event: events.parse(row), row }
    const [visible] = await visibility.judge(room, requester.userId).visible([point])
    if (!visible) throw notFound('Event not found')
    return visible
  }

  /** The state after an event, as far as a filter lets it through; of lazily loaded members those who sent something. */
  async #stateAt(
    room: Room,
    { stateNid }: PresentedEvent,
    filter: EventFilter,
    senders: ReadonlySet<string>,
  ): Promise<JsonObject[]> {
    const { store, serializer, clock } = this.#deps
    const state = await store.states.load(room.nid, stateNid)
    const found = await serializer.serializeNids(
      room,
      [...state.entries()].map(({ nid }) => nid),
    )
    const slice = new TimeSlice(clock)
    const now = serializer.now()
    const shown: JsonObject[] = []
    for (const event of found) {
      if (slice.isOver) await slice.rest()
      const { type, state_key: stateKey } = event.source.pdu
      const isLazy = filter.lazyLoadMembers && type === 'm.room.member' && !senders.has(stateKey!)
      if (!isLazy && filter.matches(event.source)) shown.push(event.toObject({ now }))
    }
    return shown
  }
}
