export {
  BackfilledEvents,
  BackfillOvertaken,
  type Backfilled,
  type BackfilledEvent,
  type BackfilledState,
} from './backfilled-events.ts'
export { backUpDatabase } from './backup/back-up.ts'
export { BackupError, type BackupManifest } from './backup/backup-format.ts'
export { restoreDatabase, verifyBackup } from './backup/restore.ts'
export { createDatabase, dropDatabase, listDatabases, withDatabase } from './connection/administration.ts'
export { Database, type DatabaseHealth, type DatabaseOptions, type TransactionOptions } from './connection/database.ts'
export { DatabaseUnavailable, isSqlError, sqlState, UnsuitableDatabase } from './connection/errors.ts'
export { inspectPostgres, type PostgresInspection } from './connection/inspect-postgres.ts'
export type { Queryable, SqlValue } from './connection/queryable.ts'
export type { ServerInfo } from './connection/server-check.ts'
export type { DatabaseStatistics } from './connection/statistics.ts'
export type { Transaction } from './connection/transaction.ts'
export type { ConsumedPage, StreamConsumer } from './consumers/stream-consumer.ts'
export type { StreamConsumers } from './consumers/stream-consumers.ts'
export { DirectoryLock } from './embedded/directory-lock.ts'
export { EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded/embedded-postgres.ts'
export { runningEmbedded } from './embedded/running-embedded.ts'
export { EmbeddedDatabaseError } from './embedded/errors.ts'
export { migrate, type MigrateOptions } from './migrations/migrate.ts'
export { RoomGone, type NewOutlier, type StoredOutlier } from './outliers.ts'
export { CommitUnknown, PersisterOverloaded } from './persister/commit-errors.ts'
export type { CommitListener, Persister } from './persister/persister.ts'
export type {
  ClientTransaction,
  CommitOutcome,
  CommittedBatch,
  CommittedEvent,
  CommittedRoom,
  CurrentStateChange,
  EventRef,
  MembershipChange,
  NewEvent,
  NewRelation,
  RedactionTarget,
  ResolvedHead,
  RoomCommit,
  StateEntryChange,
  StateMerge,
  StateRef,
} from './persister/room-commit.ts'
export { RoomEntered, type AdoptedServer, type AdoptedState } from './room-adoption.ts'
export { describeSchema } from './schema/describe-schema.ts'
export type { AuthGraphs } from './state/auth-graphs.ts'
export { RoomAuthGraph, type AuthGraphEvent } from './state/room-auth-graph.ts'
export type { StateDifference, StateEntry } from './state/state-base.ts'
export { StateMap } from './state/state-map.ts'
export type { States } from './state/states.ts'
export type { MissedRoom, OutgoingEvent } from './tables/outgoing-events.ts'
export type { PublishedRoomKey, PublishedRoomRow } from './tables/published-rooms.ts'
export type { ReadUpTo, UnreadCountRow } from './tables/unread-counts.ts'
export { Store, type StoredChange, type StoreOptions } from './store.ts'
export type { AccountDataStreamChange } from './streams/account-data-stream.ts'
export type { ErasureStreamChange } from './streams/erasure-stream.ts'
export type { EventStreamChange } from './streams/event-stream.ts'
export type { ForgottenRoomStreamChange } from './streams/forgotten-room-stream.ts'
export type { OutsideMembershipStreamChange } from './streams/outside-membership-stream.ts'
export type { PresenceListStreamChange } from './streams/presence-list-stream.ts'
export type { ProfileStreamChange } from './streams/profile-stream.ts'
export type { ReceiptStreamChange } from './streams/receipt-stream.ts'
export type { ToDeviceStreamChange } from './streams/to-device-stream.ts'
export type { StreamChange, StreamPage, Streams, StreamSource } from './streams/streams.ts'
export { Tables } from './tables.ts'
export type { SessionRow, StaleTokens } from './tables/access-tokens.ts'
export type { AccountDataQuota, AccountDataRow } from './tables/account-data.ts'
export type { AccountRow } from './tables/accounts.ts'
export type { FoundTransaction } from './tables/client-transactions.ts'
export type { CurrentStateRow, MemberRow } from './tables/current-state.ts'
export type { BackwardExtremity, MissingPrevious } from './tables/backward-extremities.ts'
export { Deployment } from './tables/deployment.ts'
export type { DeviceRow, DeviceSighting, NewDevice } from './tables/devices.ts'
export { eventFlags, isRefused } from './tables/event-flags.ts'
export { wellKnownTypes } from './tables/event-types.ts'
export type { EventIdentity, EventRow, TimelineRange } from './tables/events.ts'
export {
  destinationOrders,
  type BehindRow,
  type DestinationOrder,
  type DestinationPage,
  type DestinationRow,
  type ServerHealthRow,
} from './tables/fed-destinations.ts'
export type { NewOutboxEdu, OutboxQuota, OutboxRow } from './tables/fed-outbox.ts'
export type { FlowSessionRow } from './tables/flow-sessions.ts'
export type { NewJob, TakenJob } from './tables/jobs.ts'
export type { InboundStaging, StagedEvent } from './tables/inbound-staging.ts'
export type { LocalMembershipRow } from './tables/local-memberships.ts'
export type { MediaBlob } from './tables/media-blobs.ts'
export type { ThumbnailKey, ThumbnailRow } from './tables/media-thumbnails.ts'
export type { NewUrlPreview, UrlPreviewRow } from './tables/url-previews.ts'
export { mediaOrders, type MediaCensusRow, type MediaCriteria, type MediaOrder } from './tables/media-census.ts'
export type { MediaRow, NewMedia } from './tables/media.ts'
export { isMembership, type Membership } from './tables/membership-code.ts'
export { maybeOutside, type NewOutsideMembership, type OutsideMembershipRow } from './tables/outside-memberships.ts'
export type { OwnKeyRow } from './tables/own-keys.ts'
export type { PresenceListEntry, PresenceListRow, PresenceListState } from './tables/presence-lists.ts'
export type { ProfileRow } from './tables/profiles.ts'
export type { AdvancedReceipts, ReceiptRow, ReceiptType } from './tables/receipts.ts'
export type { ToDeviceEntry, ToDeviceMailing, ToDeviceMessage, ToDeviceQuota, ToDeviceRow } from './tables/to-device.ts'
export type { PendingRedaction } from './tables/redactions.ts'
export type { NewRegistrationToken } from './tables/registration-tokens.ts'
export type { Child, ChildrenQuery, ParentRef, RelationCount, SendTarget } from './tables/relations.ts'
export type { NewReport, ReportRow } from './tables/reports.ts'
export type { RoomAliasRow } from './tables/room-aliases.ts'
export type { RoomHead } from './tables/room-heads.ts'
export type { RoomServerRow } from './tables/room-servers.ts'
export type { RoomStatisticsRow } from './tables/room-statistics.ts'
export type { RoomRow } from './tables/rooms.ts'
export type { ServerKeyDocument, ServerKeyRow } from './tables/server-keys.ts'
export type { StateEventRow } from './tables/state-events.ts'
export { EMPTY_STATE_KEY } from './tables/state-keys.ts'
export type { ThreadRow } from './tables/threads.ts'
export { gapOfPosition, positionsOfGap, type TimelineGap } from './tables/timeline-gaps.ts'
