import { notFound, type EventId, type JsonObject } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import { hidesEvent, type IgnoredUsers } from '../account-data/ignored-users.ts'
import type { EventSerializer } from '../events/event-serializer.ts'
import { viewerOf } from '../events/presented-event.ts'
import type { Requester } from '../requester.ts'
import type { CaughtUpRooms } from '../rooms/caught-up-rooms.ts'
import type { EventPresenter } from '../rooms/event-presenter.ts'
import type { Visible } from '../rooms/history-visibility.ts'
import { formatToken, parseToken } from '../rooms/position-token.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomAccess } from '../rooms/room-access.ts'
import { minPosition, type ScannedEvent } from '../rooms/timeline-scan.ts'
import type { Aggregator } from './aggregator.ts'
import type { VisibleEvents } from './visible-events.ts'

export interface RelationsRequest {
  readonly requester: Requester
  readonly room: Room
  /** The parent. */
  readonly eventId: EventId
  readonly relType?: string | undefined
  readonly eventType?: string | undefined
  readonly direction: 'b' | 'f'
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly limit: number
  /** Whether children of children are wanted too. */
  readonly recurse: boolean
}

export interface RelationsPage {
  readonly events: JsonObject[]
  /** Absent when there is nothing further. */
  readonly nextBatch?: string
  readonly prevBatch?: string
}

export interface RelationsDeps {
  readonly store: Pick<Store, 'events' | 'eventTypes' | 'relations'>
  readonly caughtUp: CaughtUpRooms
  readonly access: RoomAccess
  readonly visible: VisibleEvents
  readonly presenter: EventPresenter
  readonly serializer: EventSerializer
  readonly aggregator: Aggregator
  readonly ignoredUsers: IgnoredUsers
}

/** How many steps away from an event its relations are looked for. */
export const recursionDepth = 3
/** Children that are looked at for one page, however few of them the reader may see. */
const maxScanned = 2_000

/** The events that relate to one. {@link https://spec.matrix.org/v1.19/client-server-api/#relationships-api} */
export class Relations {
  readonly #deps: RelationsDeps

  constructor(deps: RelationsDeps) {
    this.#deps = deps
  }

  /**
   * A page of the children of an event that the requester may see.
   *
   * @throws MatrixError M_FORBIDDEN for those who may not read the room, M_NOT_FOUND for a parent that they may not see,
   *   M_INVALID_PARAM for a bad token.
   */
  async page(request: RelationsRequest): Promise<RelationsPage> {
    const { requester, eventId, direction, limit } = request
    const from = request.from === undefined ? undefined : parseToken(request.from)
    const to = request.to === undefined ? undefined : parseToken(request.to)
    const room = await this.#deps.caughtUp.at(request.room, from, to)
    const { upTo } = await this.#deps.access.forReading(room, requester.userId)
    await this.#checkParent(requester, room, eventId, upTo)
    const range = {
      after: (direction === 'b' ? to : from) ?? minPosition,
      upTo: Math.min((direction === 'b' ? from : to) ?? Infinity, upTo),
    }
    const { events, last } = await this.#scan({ ...request, room }, range)
    const { presenter, aggregator, serializer } = this.#deps
    const [presented] = await presenter.present(requester, [{ room, events }])
    const [bundled] = await aggregator.bundle(requester, [{ room, upTo, events: presented! }])
    const now = serializer.now()
    return {
      events: bundled!.map((event) => event.client.toObject(viewerOf(event, now))),
      ...(last !== undefined && limit > 0 && { nextBatch: formatToken(direction === 'b' ? last - 1 : last) }),
      ...(from !== undefined && { prevBatch: formatToken(from) }),
    }
  }

  /** Up to `limit` events of a range; `last` is where there may be more. */
  async #scan(
    request: RelationsRequest,
    range: { after: number; upTo: number },
  ): Promise<{ events: readonly Visible<ScannedEvent>[]; last: number | undefined }> {
    const { requester, room, eventId, relType, eventType, direction, limit } = request
    const { store, visible, ignoredUsers } = this.#deps
    const { eventTypes } = store
    const typeNid =
      eventType === undefined ? undefined : (eventTypes.peek(eventType) ?? (await eventTypes.find(eventType)))
    const isUnknownType = eventType !== undefined && typeNid === undefined
    if (isUnknownType || limit === 0) return { events: [], last: undefined }
    const ignored = await ignoredUsers.of(requester.userId)
    const events: Visible<ScannedEvent>[] = []
    let { after, upTo } = range
    const depth = request.recurse ? recursionDepth : 1
    for (let scanned = 0; scanned < maxScanned;) {
      const chunk = limit - events.length + 1
      const query = { eventId, roomNid: room.nid, after, upTo, direction, limit: chunk, relType, typeNid, depth }
      const children = after < upTo ? await store.relations.list(query) : []
      const found = await visible.find(
        requester,
        room,
        children.map(({ nid }) => nid),
      )
      const byNid = new Map(found.map((point) => [point.nid, point]))
      for (const { nid, pos } of children) {
        if (events.length === limit) return { events, last: direction === 'b' ? upTo + 1 : after }
        const point = byNid.get(nid)
        if (point && !hidesEvent(ignored, point.event)) events.push(point)
        if (direction === 'b') upTo = pos - 1
        else after = pos
      }
      if (children.length < chunk) return { events, last: undefined }
      scanned += children.length
    }
    return { events, last: direction === 'b' ? upTo + 1 : after }
  }

  async #checkParent(requester: Requester, room: Room, eventId: EventId, upTo: number): Promise<void> {
    const [row] = await this.#deps.store.events.findByIds([eventId])
    const [parent] = row ? await this.#deps.visible.find(requester, room, [row.nid]) : []
    if (!parent || parent.pos > upTo) throw notFound('Event not found')
  }
}
