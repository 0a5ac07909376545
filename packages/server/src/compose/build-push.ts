import {
  JudgedEvents,
  PushRules,
  Tallying,
  UnreadCounts,
  UnreadCountsConsumer,
  type IgnoredUsers,
  type RoomEvents,
  type RoomRegistry,
  type StreamFeed,
} from '@hearth/core'
import type { Clock, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'

const MiB = 1024 * 1024

export interface PushDeps {
  readonly store: Store
  readonly feed: StreamFeed
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
  readonly ignoredUsers: IgnoredUsers
  readonly clock: Clock
  readonly metrics: Metrics
}

/** Builds what concerns notifications: the rules of users, and the counts of what they have not read. */
export function buildPush(deps: PushDeps) {
  const { store, feed, rooms, events, ignoredUsers, clock, metrics } = deps
  const pushRules = new PushRules({ store, feed, metrics })
  const judged = new JudgedEvents({ store, events, metrics })
  const tallying = new Tallying({ store, events, judged, clock })
  const shared = { store, tallying, pushRules, ignoredUsers }
  return {
    pushRules,
    unreadCounts: new UnreadCounts({ ...shared, feed, maxBytes: 64 * MiB, metrics }),
    unreadCountsConsumer: new UnreadCountsConsumer({ ...shared, rooms, events, judged, clock }),
  }
}
