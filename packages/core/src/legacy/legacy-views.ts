import type { JsonObject } from '@hearth/protocol'
import { creatorsOf } from '@hearth/rooms'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Room } from '../rooms/room.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import { FoundingView } from './founding-view.ts'
import { legacyEvent } from './legacy-event.ts'
import type { LegacyStateView } from './legacy-state-view.ts'
import { virtualEventId } from './virtual-event-id.ts'

/** Which API shows the events: the founding one, or today's at those of its paths that are left from the founding one. */
export type LegacyDialect = 'founding' | 'today'

/** How the events of one room are shown. Events are given in today's form. */
export interface LegacyView {
  event(event: JsonObject): JsonObject
  /** What an event changed, for who follows the room. */
  changes(event: JsonObject): JsonObject[]
  /** How the state of a room with these power levels is shown. */
  state(powerLevels: JsonObject | undefined): LegacyStateView
}

const todaysView: LegacyView = {
  event: legacyEvent,
  changes: (event) => [legacyEvent(event)],
  state: () => ({ event: legacyEvent, further: [] }),
}

/** Shows rooms through the founding API. */
export class LegacyViews {
  readonly #deps: {
    readonly store: Store
    readonly events: RoomEvents
    readonly serverName: string
    readonly clock: Clock
  }

  constructor(deps: { store: Store; events: RoomEvents; serverName: string; clock: Clock }) {
    this.#deps = deps
  }

  /** The view of a room in a dialect. */
  async of(room: Room, dialect: LegacyDialect): Promise<LegacyView> {
    return dialect === 'founding' ? this.founding(room) : todaysView
  }

  async founding(room: Room): Promise<FoundingView> {
    const create = await this.#deps.events.findState(room.head.state, 'm.room.create', '')
    return new FoundingView({ version: room.version, creators: create ? creatorsOf(room.version, create) : [] })
  }

  /** How the state of a room with these power levels is shown, with this server's own list of the room's aliases. */
  async state(room: Room, dialect: LegacyDialect, powerLevels: JsonObject | undefined): Promise<LegacyStateView> {
    const shown = (await this.of(room, dialect)).state(powerLevels)
    if (dialect === 'today') return shown
    const aliases = await this.aliases(room)
    return {
      event: (event) => (this.isOwnAliases(event['type'], event['state_key']) ? undefined : shown.event(event)),
      further: [...shown.further, ...(aliases ? [aliases] : [])],
    }
  }

  /** Whether a state event is the one that lists this server's aliases of a room, for which the table of aliases stands. */
  isOwnAliases(type: unknown, stateKey: unknown): boolean {
    return type === 'm.room.aliases' && stateKey === this.#deps.serverName
  }

  /**
   * The state event that lists the aliases which this server gives to a room, as if whoever made the last of them had sent
   * it; undefined when there are none.
   */
  async aliases(room: Room): Promise<JsonObject | undefined> {
    const { store, serverName, clock } = this.#deps
    const aliases = await store.roomAliases.listByRoom(room.nid)
    const last = aliases.length === 0 ? undefined : await store.roomAliases.find(aliases.at(-1)!)
    if (!last) return undefined
    const sender = await store.users.keyOf(last.creatorNid)
    return {
      type: 'm.room.aliases',
      state_key: serverName,
      content: { aliases },
      event_id: aliasesEventId(room),
      room_id: room.id,
      sender,
      user_id: sender,
      origin_server_ts: last.createdTs,
      age: Math.max(0, clock.now() - last.createdTs),
    }
  }
}

/** The id of the event that lists a room's aliases. It is the room's, whatever the list. */
export function aliasesEventId(room: Room): string {
  return virtualEventId('m.room.aliases', room.id)
}
