import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import type { Typing } from '../ephemeral/typing.ts'
import type { EventFilter } from '../events/event-filter.ts'
import { receiptContents } from '../receipts/receipt-content.ts'
import type { ReceiptReader } from './receipt-reader.ts'
import type { SyncView } from './sync-view.ts'
import type { Audience, UserStream } from './user-stream.ts'

/** The part of an answer's view that decides what it tells of this. */
export type EphemeralView = Pick<SyncView, 'since' | 'known' | 'position' | 'filter'>

/**
 * The events of rooms that are not part of their history: who is typing, and who has read what. Of users whom the reader
 * ignores, there are none.
 */
export class EphemeralEvents {
  readonly #receipts: ReceiptReader
  readonly #typing: Typing
  readonly #ignoredUsers: IgnoredUsers

  constructor(deps: { receipts: ReceiptReader; typing: Typing; ignoredUsers: IgnoredUsers }) {
    this.#receipts = deps.receipts
    this.#typing = deps.typing
    this.#ignoredUsers = deps.ignoredUsers
  }

  /** What is new in a user's rooms, by room, each event as JSON. */
  async changes(view: EphemeralView, user: UserStream): Promise<Map<number, string[]>> {
    const { ephemeral } = view.filter
    const events = isWanted(ephemeral, 'm.typing') ? await this.typing(view, user) : new Map<number, string[]>()
    if (isWanted(ephemeral, 'm.receipt')) await this.#addReceipts(view, user, events)
    return events
  }

  /** The news of who is typing, by room, each event as JSON. */
  async typing(view: Omit<EphemeralView, 'filter'>, audience: Audience): Promise<Map<number, string[]>> {
    const rooms = this.typingRooms(view, audience)
    const ignored = await this.#ignoredUsers.of(audience.userId)
    return new Map(rooms.map((roomNid) => [roomNid, [this.#typingJson(roomNid, ignored)]]))
  }

  /** The joined rooms in which there is news of who is typing. */
  typingRooms({ since, known, position }: Omit<EphemeralView, 'filter'>, user: Audience): number[] {
    const typing = this.#typing
    const isJoined = (roomNid: number) => {
      const room = user.rooms.get(roomNid)
      return room?.membership === 'join' && room.pos <= position
    }
    if (since === undefined) {
      // That somebody has stopped is told as well: a client may know from elsewhere that they had begun.
      return typing.changedAfter(0, user.rooms).filter(isJoined)
    }
    const { serial = 0, heardTyping = false } = known ?? {}
    // Where the client has heard of typing that is forgotten here, it has to be told that there is none.
    if (heardTyping && serial < typing.completeFrom) return [...user.rooms.keys()].filter(isJoined)
    const rooms = new Set(typing.changedAfter(serial, user.rooms).filter(isJoined))
    for (const { roomNid, membership, pos } of user.rooms.values()) {
      if (membership === 'join' && pos > since && pos <= position && typing.isActiveIn(roomNid)) rooms.add(roomNid)
    }
    return [...rooms]
  }

  /** Whether somebody is typing in one of the user's rooms. */
  isTypingHeard(user: Audience): boolean {
    return this.#typing.isActiveInAny(user.rooms)
  }

  #typingJson(roomNid: number, ignored: ReadonlySet<string>): string {
    const userIds = this.#typing.inRoom(roomNid).filter((userId) => !ignored.has(userId))
    return `{"type":"m.typing","content":{"user_ids":${JSON.stringify(userIds)}}}`
  }

  async #addReceipts(
    { since, position }: EphemeralView,
    user: UserStream,
    events: Map<number, string[]>,
  ): Promise<void> {
    const rooms = user.roomsWithReceipts(since)
    const receipts = await this.#receipts.changes(user.userNid, rooms, since, position)
    if (receipts.size === 0) return
    const ignored = await this.#ignoredUsers.of(user.userId)
    for (const [roomNid, moved] of receipts) {
      const shown = moved.filter(({ userId }) => !ignored.has(userId))
      const all = receiptContents(shown).map((content) => `{"type":"m.receipt","content":${content}}`)
      if (all.length > 0) events.set(roomNid, [...(events.get(roomNid) ?? []), ...all])
    }
  }
}

/** Nobody in particular sends these events. */
function isWanted(filter: EventFilter, type: string): boolean {
  return filter.limit !== 0 && filter.matchesType(type) && filter.matchesSender('')
}
