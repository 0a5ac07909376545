import type { JsonObject } from '@hearth/protocol'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import { plainState } from '../presence/presence-state.ts'
import type { Presence } from '../presence/presence.ts'
import type { Requester } from '../requester.ts'
import type { SyncToken } from '../rooms/position-token.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomRegistry } from '../rooms/room-registry.ts'
import type { EphemeralEvents } from '../sync/ephemeral-events.ts'
import type { PresenceEvents, SeenPresence } from '../sync/presence-events.ts'
import type { Audience, UserStream } from '../sync/user-stream.ts'
import type { LegacyDialect } from './legacy-views.ts'

/** Where the reader stands, and up to where they are told. */
export interface UnrecordedRange {
  readonly since: number
  readonly known: SyncToken | undefined
  readonly position: number
}

/** What the founding API tells that is in no stream: who is typing, and who is there. */
export class UnrecordedEvents {
  readonly #deps: {
    readonly ephemeral: EphemeralEvents
    readonly presenceEvents: PresenceEvents
    readonly presence: Presence
    readonly rooms: RoomRegistry
    readonly ignoredUsers: IgnoredUsers
  }

  constructor(deps: {
    ephemeral: EphemeralEvents
    presenceEvents: PresenceEvents
    presence: Presence
    rooms: RoomRegistry
    ignoredUsers: IgnoredUsers
  }) {
    this.#deps = deps
  }

  /** What is new for somebody in their rooms. Receipts are places in the stream, and told with those. */
  async changes(audience: Audience, range: UnrecordedRange, dialect: LegacyDialect): Promise<JsonObject[]> {
    const { presenceEvents, ephemeral } = this.#deps
    const presence = await this.#notIgnored(audience, presenceEvents.changes(range, audience))
    const typing = await this.#withRooms(await ephemeral.typing(range, audience))
    return [...typing, ...presence.map((seen) => presenceEvent(seen, dialect))]
  }

  /** Who is there of those with whom the user shares a room, the user always among them. */
  async presence(
    requester: Requester,
    user: UserStream,
    position: number,
    dialect: LegacyDialect,
  ): Promise<JsonObject[]> {
    const { presence, presenceEvents } = this.#deps
    const there = presenceEvents.changes({ since: undefined, known: undefined, position }, user)
    const others = (await this.#notIgnored(user, there)).filter(({ record }) => record.userNid !== user.userNid)
    const own = { userId: user.userId, profile: {}, status: await presence.status(requester, user.userId) }
    return [own, ...others.map(seenOf)].map((seen) => presenceContent(seen, dialect))
  }

  /** Everybody in a room of whom something is known; nobody where the user is not joined. */
  async presenceIn(room: Room, user: UserStream, dialect: LegacyDialect): Promise<JsonObject[]> {
    const { membership, watch } = user.rooms.get(room.nid) ?? {}
    if (membership !== 'join' || !watch) return []
    const known = await this.#notIgnored(user, this.#deps.presenceEvents.inRoom(watch, user))
    return known.map((seen) => presenceEvent(seen, dialect))
  }

  /** Whether somebody is typing in one of somebody's rooms. */
  isTypingHeard(audience: Audience): boolean {
    return this.#deps.ephemeral.isTypingHeard(audience)
  }

  async #notIgnored({ userId }: Audience, seen: readonly SeenPresence[]): Promise<readonly SeenPresence[]> {
    if (seen.length === 0) return seen
    const ignored = await this.#deps.ignoredUsers.of(userId)
    return seen.filter(({ record }) => !ignored.has(record.userId))
  }

  async #withRooms(events: ReadonlyMap<number, readonly string[]>): Promise<JsonObject[]> {
    const rooms = await this.#deps.rooms.findByNids([...events.keys()])
    return [...events].flatMap(([roomNid, texts]) => {
      const room = rooms.get(roomNid)
      return room ? texts.map((text) => ({ ...(JSON.parse(text) as JsonObject), room_id: room.id })) : []
    })
  }
}

interface Shown {
  readonly userId: string
  readonly profile: JsonObject
  readonly status: SeenPresence['status']
}

function seenOf({ record, status }: SeenPresence): Shown {
  return { userId: record.userId, profile: record.profile ?? {}, status }
}

function presenceEvent(seen: SeenPresence, dialect: LegacyDialect): JsonObject {
  return presenceContent(seenOf(seen), dialect)
}

/** The founding API knows finer states, and no word for who is active right now. */
function presenceContent({ userId, profile, status }: Shown, dialect: LegacyDialect): JsonObject {
  const { currently_active: isActive, ...known } = status
  const content = { ...profile, ...known, user_id: userId }
  if (dialect === 'founding') return { type: 'm.presence', content }
  const active = isActive === undefined ? {} : { currently_active: isActive }
  return {
    type: 'm.presence',
    sender: userId,
    content: { ...content, ...active, presence: plainState(status.presence) },
  }
}
