import type { RoomId } from '@hearth/protocol'
import { RecentPresence } from './recent-presence.ts'
import { RecentReceipts } from './recent-receipts.ts'
import { RoomTimeline } from './room-timeline.ts'
import { Waiters } from './waiters.ts'

/** Events kept per room that somebody syncs: more than any usual limit of a timeline. */
const maxEntries = 64
/** Receipts kept per such room. */
const maxReceipts = 256

/** A room in which somebody who syncs is joined, or which somebody peeks into. */
export class RoomWatch {
  readonly nid: number
  readonly id: RoomId
  /** Those who wait on behalf of members, one for each member who syncs. */
  readonly followers = new Set<Waiters>()
  /** Those who wait for this room's events without being joined. */
  readonly peekers = new Waiters()
  readonly timeline: RoomTimeline
  readonly receipts: RecentReceipts
  /** Whose presence changed, of those who sync and are joined. */
  readonly presence = new RecentPresence()
  /** The position of the room's last event; 0 while it is not known. */
  lastPos = 0

  /** All of the room's events after `position` will be pushed to its timeline, and all of its receipts. */
  constructor(options: { nid: number; id: RoomId; position: number }) {
    this.nid = options.nid
    this.id = options.id
    this.timeline = new RoomTimeline({ completeFrom: options.position, maxEntries })
    this.receipts = new RecentReceipts({ completeFrom: options.position, maxEntries: maxReceipts })
  }

  get isNeeded(): boolean {
    return this.followers.size > 0 || this.peekers.size > 0
  }
}
