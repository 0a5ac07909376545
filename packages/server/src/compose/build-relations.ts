import {
  Aggregator,
  RelationRules,
  Relations,
  Threads,
  VisibleEvents,
  type CaughtUpRooms,
  type EventPresenter,
  type EventSerializer,
  type HistoryVisibility,
  type IgnoredUsers,
  type RoomAccess,
  type RoomEvents,
} from '@hearth/core'
import type { Store } from '@hearth/store'

export interface RelationDeps {
  readonly store: Store
  readonly caughtUp: CaughtUpRooms
  readonly events: RoomEvents
  readonly access: RoomAccess
  readonly visibility: HistoryVisibility
  readonly presenter: EventPresenter
  readonly serializer: EventSerializer
  readonly ignoredUsers: IgnoredUsers
}

/** Builds what concerns relations between events. */
export function buildRelations(deps: RelationDeps) {
  const { store, caughtUp, events, access, visibility, presenter, serializer, ignoredUsers } = deps
  const visible = new VisibleEvents({ store, events, visibility })
  const aggregator = new Aggregator({ store, visible, presenter, ignoredUsers })
  const shared = { store, caughtUp, access, visible, presenter, serializer, aggregator, ignoredUsers }
  return {
    aggregator,
    relationRules: new RelationRules({ store }),
    relations: new Relations(shared),
    threads: new Threads(shared),
  }
}
