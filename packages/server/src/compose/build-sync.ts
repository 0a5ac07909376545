import {
  AccountDataReader,
  type Aggregator,
  EphemeralEvents,
  type EventPresenter,
  type EventSerializer,
  EventStream,
  type IgnoredUsers,
  InitialSync,
  LazyMembers,
  LegacyReceipts,
  LegacyState,
  LegacyViews,
  Presence,
  PresenceBoard,
  PresenceEvents,
  PresenceLists,
  ReceiptReader,
  RemotePresence,
  Receipts,
  type RoomAccess,
  type RoomDirectory,
  type RoomEvents,
  type RoomRegistry,
  OutsideRooms,
  RoomRequests,
  RoomSections,
  RoomSummaries,
  RoomWindows,
  type Stays,
  type StreamFeed,
  Sync,
  SyncAnswers,
  SyncIndex,
  type TimelineScanner,
  ToDeviceMessages,
  ToDeviceSender,
  Typing,
  TypingNotices,
  type UnreadCounts,
  UnrecordedEvents,
} from '@hearth/core'
import type { ServerName } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import type { Clock, Lifecycle, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'

const MiB = 1024 * 1024

export interface SyncDeps {
  readonly store: Store
  readonly serverName: ServerName
  readonly feed: StreamFeed
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
  readonly access: RoomAccess
  readonly stays: Stays
  readonly ignoredUsers: IgnoredUsers
  readonly scanner: TimelineScanner
  readonly presenter: EventPresenter
  readonly serializer: EventSerializer
  readonly aggregator: Aggregator
  readonly unreadCounts: UnreadCounts
  readonly directory: RoomDirectory
  readonly bus: Bus
  readonly lifecycle: Lifecycle
  readonly clock: Clock
  readonly metrics: Metrics
}

/**
 * Builds what those need who follow an account: `/sync` and the founding API's event stream, and what is told there besides
 * events (receipts, typing, presence, messages to devices).
 */
export function buildSync(deps: SyncDeps) {
  const { store, serverName, feed, rooms, events, access, stays, ignoredUsers, directory, bus, clock, metrics } = deps
  const { scanner, presenter, serializer, aggregator, unreadCounts } = deps

  const receipts = new Receipts({ store, events, access, feed, clock })
  const index = new SyncIndex({ store, feed, serializer, maxUsers: 20_000, maxTimelineBytes: 128 * MiB })
  const windows = new RoomWindows({ store, scanner, presenter })
  const lazyMembers = new LazyMembers({ maxBytes: 32 * MiB, metrics })
  const summaries = new RoomSummaries({ store, events, metrics })
  const sections = new RoomSections({
    store,
    events,
    serializer,
    presenter,
    aggregator,
    windows,
    lazyMembers,
    summaries,
    ignoredUsers,
    clock,
    metrics,
  })
  const accountDataReader = new AccountDataReader({ store })
  const typingUsers = new Typing({ clock, bus })
  const typing = new TypingNotices({ typing: typingUsers, access, index, feed })
  const board = new PresenceBoard({ clock, bus })
  deps.lifecycle.add({ name: 'presence', stop: () => board.stop() })
  const presence = new Presence({ store, board, index, feed, serverName })
  const remotePresence = new RemotePresence({ store, board, index, feed, clock })
  const presenceLists = new PresenceLists({ store, feed, presence, serverName })
  const presenceEvents = new PresenceEvents({ board, ignoredUsers })
  const receiptReader = new ReceiptReader({ store })
  const ephemeral = new EphemeralEvents({ receipts: receiptReader, typing: typingUsers, ignoredUsers })
  const toDevice = new ToDeviceMessages({ store })
  const outside = new OutsideRooms({ store })
  const answers = new SyncAnswers({
    store,
    rooms,
    events,
    requests: new RoomRequests({ events, stays, windows }),
    sections,
    accountData: accountDataReader,
    ignoredUsers,
    ephemeral,
    outside,
    presence: presenceEvents,
    toDevice,
    unread: unreadCounts,
    clock,
  })
  const sync = new Sync({ feed, index, answers, toDevice, bus, presence, clock })
  const toDeviceSender = new ToDeviceSender({ store, feed, serverName, clock })
  const legacyViews = new LegacyViews({ store, events, serverName, clock })
  const legacyState = new LegacyState({ events, serializer, views: legacyViews, clock })
  const legacyReceipts = new LegacyReceipts({ receipts: receiptReader, rooms, ignoredUsers })
  const unrecorded = new UnrecordedEvents({ ephemeral, presenceEvents, presence, rooms, ignoredUsers })
  const eventStream = new EventStream({
    store,
    feed,
    index,
    rooms,
    events,
    access,
    stays,
    scanner,
    presenter,
    accountData: accountDataReader,
    receipts: legacyReceipts,
    ignoredUsers,
    unrecorded,
    outside,
    presence,
    bus,
    views: legacyViews,
    clock,
  })
  const initialSync = new InitialSync({
    store,
    feed,
    index,
    rooms,
    events,
    access,
    stays,
    windows,
    serializer,
    accountData: accountDataReader,
    receipts: legacyReceipts,
    ignoredUsers,
    directory,
    unrecorded,
    bus,
    views: legacyViews,
    state: legacyState,
    outside,
    clock,
  })
  publishMetrics(metrics, index)
  return {
    index,
    receipts,
    typing,
    typingUsers,
    board,
    presence,
    presenceLists,
    remotePresence,
    toDeviceSender,
    sync,
    eventStream,
    initialSync,
    legacyViews,
    legacyState,
    summaries,
  }
}

function publishMetrics(metrics: Metrics, index: SyncIndex): void {
  const waiters = metrics.gauge({ name: 'hearth_sync_waiters', help: 'Requests that wait for news' })
  const users = metrics.gauge({ name: 'hearth_sync_users', help: 'Users whose stream is in memory' })
  const bytes = metrics.gauge({ name: 'hearth_sync_timeline_bytes', help: 'Bytes that timelines take in memory' })
  metrics.onRead(() => {
    waiters.set(index.waiterCount)
    users.set(index.userCount)
    bytes.set(index.timelineBytes)
  })
}
