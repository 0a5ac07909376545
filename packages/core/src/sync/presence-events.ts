import type { JsonObject } from '@hearth/protocol'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import type { EventFilter } from '../events/event-filter.ts'
import type { PresenceBoard } from '../presence/presence-board.ts'
import type { PresenceRecord } from '../presence/presence-record.ts'
import { plainState } from '../presence/presence-state.ts'
import { statusOf, type PresenceStatus } from '../presence/presence.ts'
import type { RoomWatch } from './room-watch.ts'
import type { SyncView } from './sync-view.ts'
import type { Audience, UserStream } from './user-stream.ts'

/** People that one answer tells of, at most: of large rooms nobody wants to know more. */
const maxPeople = 500

/** Somebody's presence, as one user sees it. */
export interface SeenPresence {
  readonly record: PresenceRecord
  readonly status: PresenceStatus
}

/** The presence of those with whom a user shares rooms and of those on their list, but for those whom they ignore. */
export class PresenceEvents {
  readonly #board: PresenceBoard
  readonly #ignoredUsers: IgnoredUsers

  constructor(deps: { board: PresenceBoard; ignoredUsers: IgnoredUsers }) {
    this.#board = deps.board
    this.#ignoredUsers = deps.ignoredUsers
  }

  /** Whose presence changed since the reader was told, the reader's own first; in a first answer, who is there. */
  changes({ since, known, position }: Pick<SyncView, 'since' | 'known' | 'position'>, user: Audience): SeenPresence[] {
    const serial = since === undefined ? undefined : (known?.serial ?? 0)
    const seen = new Map<number, SeenPresence>()
    const own = this.#board.find(user.userNid)
    if (own && (serial === undefined || own.serial > serial)) seen.set(user.userNid, seenBy(own, user))
    for (const { nid, pos } of user.listed?.observed.values() ?? []) {
      const record = pos > position ? undefined : this.#board.find(nid)
      if (!record) continue
      const each = seenBy(record, user)
      const isNews = serial === undefined ? each.status.presence !== 'offline' : pos > since! || record.serial > serial
      if (isNews) seen.set(nid, each)
    }
    for (const { membership, pos, watch } of user.rooms.values()) {
      if (membership !== 'join' || !watch || pos > position) continue
      const isNew = serial === undefined || pos > since!
      for (const userNid of isNew ? watch.presence.userNids : watch.presence.changedAfter(serial)) {
        if (seen.size >= maxPeople) return [...seen.values()]
        const record = seen.has(userNid) || userNid === user.userNid ? undefined : this.#board.find(userNid)
        if (!record) continue
        const each = seenBy(record, user)
        // A first answer need not list who is not there.
        if (serial !== undefined || each.status.presence !== 'offline') seen.set(userNid, each)
      }
    }
    return [...seen.values()]
  }

  /** Everybody in a room of whom something is known. */
  inRoom(watch: RoomWatch, user: Audience): SeenPresence[] {
    const seen: SeenPresence[] = []
    for (const userNid of watch.presence.userNids) {
      const record = this.#board.find(userNid)
      if (record) seen.push(seenBy(record, user))
      if (seen.length >= maxPeople) break
    }
    return seen
  }

  /** The same as events of today's API, as JSON, without those of ignored users. They are as of the moment of the call. */
  async events(view: SyncView, user: UserStream): Promise<string[]> {
    const filter = view.filter.presence
    if (filter.limit === 0 || !filter.matchesType('m.presence')) return []
    const wanted = this.changes(view, user).filter(({ record }) => filter.matchesSender(record.userId))
    if (wanted.length === 0) return []
    const ignored = await this.#ignoredUsers.of(user.userId)
    const events = wanted.filter(({ record }) => !ignored.has(record.userId))
    return limited(events, filter).map((each) => JSON.stringify(presenceEvent(each)))
  }
}

function limited(events: readonly SeenPresence[], { limit }: EventFilter): readonly SeenPresence[] {
  return limit === undefined ? events : events.slice(0, limit)
}

function seenBy(record: PresenceRecord, { userNid }: Audience): SeenPresence {
  return { record, status: statusOf(record, record.userNid === userNid) }
}

/** An event of today's API. {@link https://spec.matrix.org/v1.19/client-server-api/#mpresence} */
function presenceEvent({ record, status }: SeenPresence): JsonObject {
  const content = { ...record.profile, ...status, presence: plainState(status.presence) }
  return { type: 'm.presence', sender: record.userId, content }
}
