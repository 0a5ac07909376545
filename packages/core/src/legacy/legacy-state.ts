import type { StateMap } from '@hearth/store'
import { TimeSlice, type Clock } from '@hearth/runtime'
import type { EventSerializer, NidsOfRoom } from '../events/event-serializer.ts'
import type { JsonItems } from '../json-pieces.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { LegacyDialect, LegacyViews } from './legacy-views.ts'

/** A room at some point. */
export interface RoomAtState {
  readonly room: Room
  readonly state: StateMap
}

/** How many events of a state are read at a time. */
const eventsAtATime = 500
/** How many events of small states are read together. */
const maxPrepared = 5_000

/** The state of rooms as the founding API's paths show it: as JSON, read while it is sent. */
export class LegacyState {
  readonly #deps: {
    readonly events: RoomEvents
    readonly serializer: EventSerializer
    readonly views: LegacyViews
    readonly clock: Clock
  }

  constructor(deps: { events: RoomEvents; serializer: EventSerializer; views: LegacyViews; clock: Clock }) {
    this.#deps = deps
  }

  /** Brings the states of rooms into memory, with a few statements for all of them, as far as they are small. */
  async prepare(rooms: readonly RoomAtState[]): Promise<void> {
    const groups: NidsOfRoom[] = []
    let left = maxPrepared
    for (const { room, state } of rooms) {
      if (state.size > Math.min(left, eventsAtATime)) continue
      left -= state.size
      groups.push({ room, nids: state.nids() })
    }
    await this.#deps.serializer.serializeNidsOfRooms(groups)
  }

  /** The state events of a room. */
  async *items({ room, state }: RoomAtState, dialect: LegacyDialect): JsonItems {
    const { serializer, clock } = this.#deps
    const view = await this.#view({ room, state }, dialect)
    const now = serializer.now()
    const slice = new TimeSlice(clock)
    const nids = state.nids()
    for (let start = 0; start < nids.length; start += eventsAtATime) {
      const items: string[] = []
      for (const event of await serializer.serializeNids(room, nids.slice(start, start + eventsAtATime))) {
        if (slice.isOver) await slice.rest()
        const shown = view.event(event.toObject({ now }))
        if (shown) items.push(JSON.stringify(shown))
      }
      yield items
      // What is in memory is given without waiting for anybody: others would wait for the whole of it.
      if (nids.length > eventsAtATime) await slice.rest()
    }
    yield view.further.map((event) => JSON.stringify(event))
  }

  async #view({ room, state }: RoomAtState, dialect: LegacyDialect) {
    const { events, serializer, views } = this.#deps
    const nid = await events.findStateNid(state, 'm.room.power_levels', '')
    const [powerLevels] = nid === undefined ? [] : await serializer.serializeNids(room, [nid])
    return views.state(room, dialect, powerLevels?.toObject({ now: serializer.now() }))
  }
}
