import { notFound, type EventId, type JsonObject, type RoomId } from '@hearth/protocol'
import type { Requester } from '../requester.ts'
import type { PageRequest, Timeline } from '../rooms/timeline.ts'
import type { RoomRegistry } from '../rooms/room-registry.ts'
import type { LegacyViews } from './legacy-views.ts'
import { parseVirtualEventId } from './virtual-event-id.ts'

/** A stretch of a room's events with the tokens of its two ends. */
export interface FoundingPage {
  readonly start: string
  readonly end: string
  readonly chunk: JsonObject[]
}

/** What clients of the founding API may write for the two ends of a timeline. */
const ends = new Set<string | undefined>(['START', 'END'])

/** A room's events as the founding API shows them. */
export class FoundingTimeline {
  readonly #deps: { readonly views: LegacyViews; readonly timeline: Timeline; readonly rooms: RoomRegistry }

  constructor(deps: { views: LegacyViews; timeline: Timeline; rooms: RoomRegistry }) {
    this.#deps = deps
  }

  /**
   * A page of a timeline. Its bounds are tokens, `START` or `END`.
   *
   * @throws MatrixError M_FORBIDDEN for those who may not read the room, M_INVALID_PARAM for a bad token.
   */
  async page(request: PageRequest): Promise<FoundingPage> {
    const { room, direction, from, to } = request
    const bounded = {
      ...request,
      from: ends.has(from) ? undefined : from,
      to: ends.has(to) ? undefined : to,
    }
    const [first, last] = direction === 'b' ? ['END', 'START'] : ['START', 'END']
    if (from === last || to === first) {
      const { start } = await this.#deps.timeline.page({
        ...bounded,
        direction: from === last ? opposite(direction) : direction,
        limit: 0,
      })
      return { start, end: start, chunk: [] }
    }
    const page = await this.#deps.timeline.page(bounded)
    const view = await this.#deps.views.founding(room)
    return { start: page.start, end: page.end ?? page.last, chunk: page.events.map((event) => view.event(event)) }
  }

  /**
   * One event, of a room or of any.
   *
   * @throws MatrixError M_NOT_FOUND where there is none or the requester may not see it.
   */
  async event(requester: Requester, eventId: EventId, roomId?: RoomId): Promise<JsonObject> {
    const { timeline, rooms, views } = this.#deps
    const virtual = parseVirtualEventId(eventId)
    const id = (virtual?.eventId ?? eventId) as EventId
    const event =
      roomId === undefined
        ? await timeline.eventOfAnyRoom(requester, id)
        : await timeline.event(requester, await rooms.find(roomId), id)
    const view = await views.founding(await rooms.get(event['room_id'] as RoomId))
    if (!virtual) return view.event(event)
    if (event['type'] !== 'm.room.power_levels') throw notFound('Event not found')
    return view.levelEvent(virtual.type, event)
  }
}

function opposite(direction: PageRequest['direction']): PageRequest['direction'] {
  return direction === 'b' ? 'f' : 'b'
}
