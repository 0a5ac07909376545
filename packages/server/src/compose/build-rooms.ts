import {
  AccountData,
  Aliases,
  CaughtUpRooms,
  ContentRules,
  CreateRoom,
  ErasedUsers,
  EventActions,
  EventByTime,
  EventContexts,
  EventPresenter,
  EventSender,
  EventSerializer,
  ForgetRoom,
  FoundingState,
  FoundingTimeline,
  HistoryVisibility,
  InviteAddress,
  IgnoredUsers,
  type Jobs,
  type JoiningRooms,
  MembershipActions,
  PolicyServers,
  ProfilePropagation,
  Profiles,
  ReplacementState,
  RestrictedJoins,
  RoomAccess,
  RoomAcls,
  SentInvites,
  RoomDirectory,
  RoomEvents,
  RoomMailboxes,
  RoomPreviews,
  RoomRegistry,
  RoomSettings,
  RoomState,
  RoomUpgrade,
  SpaceChildren,
  SpaceHierarchy,
  Stays,
  StreamFeed,
  StreamHints,
  StreamReader,
  type ThisProcess,
  Timeline,
  TimelineScanner,
  type VerifyKeys,
} from '@hearth/core'
import type { SigningKey } from '@hearth/crypto'
import type { FederationClient, IdentityServers } from '@hearth/federation-client'
import { contentChecks } from '@hearth/http'
import { eventContents, type ServerName } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import type { Clock, Lifecycle, Logger, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import { buildBackfill } from './build-backfill.ts'
import { buildPush } from './build-push.ts'
import { buildReceiving } from './build-receiving.ts'
import { buildRelations } from './build-relations.ts'
import { buildRemoteLookups } from './build-remote-lookups.ts'
import { buildSync } from './build-sync.ts'

const MiB = 1024 * 1024

export interface RoomDeps {
  readonly store: Store
  readonly serverName: ServerName
  readonly signingKey: SigningKey
  readonly joiningRooms: JoiningRooms
  readonly federationClient: FederationClient
  readonly identityServers: IdentityServers
  readonly keyRing: VerifyKeys
  readonly lifecycle: Lifecycle
  readonly defaultRoomVersion: string
  /** Who may read the list of published rooms. */
  readonly directory: 'everyone' | 'users'
  readonly jobs: Jobs
  readonly bus: Bus
  readonly process: ThisProcess
  /** Whether this process fetches what is missing before events that other servers send. */
  readonly fillsGaps: boolean
  /** How often to look for other processes' changes, in milliseconds; 0 for never, if there are none. */
  readonly pollMs: number
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Builds what concerns rooms, bottom-up: events, rooms, sending, reading, following. */
export function buildRooms(deps: RoomDeps) {
  const { store, serverName, jobs, bus, clock, logger, metrics } = deps
  const events = new RoomEvents({ store, serverName, cacheBytes: 64 * MiB, metrics })
  const rooms = new RoomRegistry({ store, events, maxRooms: 20_000, metrics })
  const reader = new StreamReader({ store, events, rooms, serverName })
  const feed = new StreamFeed({
    readHead: () => store.streams.position(),
    readChanges: (after, upTo) => reader.read(after, upTo),
    readTold: (after, upTo, kinds) => reader.readTold(after, upTo, kinds),
    pollMs: deps.pollMs,
    clock,
    logger,
    metrics,
  })
  const erasedUsers = new ErasedUsers({ store, feed })
  const serializer = new EventSerializer({ events, store, erasedUsers, clock, cacheBytes: 64 * MiB, metrics })
  // Before all that loads rooms: of what is loaded earlier, the feed would not tell what happened until it began.
  deps.lifecycle.add({ name: 'stream feed', start: () => feed.start(), stop: () => feed.stop() })
  new StreamHints({ bus, feed, consumers: store.consumers })
  feed.listen((changes) => rooms.follow(changes))
  const caughtUp = new CaughtUpRooms({ feed, rooms })
  const mailboxes = new RoomMailboxes()
  const policies = new PolicyServers({ store, events, client: deps.federationClient, serverName, clock })
  deps.lifecycle.add({ name: 'policy servers', start: () => policies.start() })
  const sender = new EventSender({
    store,
    rooms,
    mailboxes,
    events,
    feed,
    serverName,
    signingKey: deps.signingKey,
    policies,
    clock,
    logger,
  })

  const stays = new Stays({ events, store })
  const access = new RoomAccess({ events, store, stays })
  const ignoredUsers = new IgnoredUsers({ store, feed, maxBytes: 32 * MiB, metrics })
  const visibility = new HistoryVisibility({ events, store, stays, ignoredUsers })
  const scanner = new TimelineScanner({ store, events, visibility, ignoredUsers })
  const presenter = new EventPresenter({ store, events, serializer, erasedUsers })
  const related = buildRelations({ store, caughtUp, events, access, visibility, presenter, serializer, ignoredUsers })
  const { aggregator, relationRules } = related
  const remote = buildRemoteLookups({ client: deps.federationClient, serverName, clock, metrics })
  const { remoteAliases, remoteProfiles, remoteRooms } = remote
  const aliases = new Aliases({ store, rooms, events, access, sender, remoteAliases, serverName, clock })
  const roomDirectory = new RoomDirectory({ store, rooms, events, access, openTo: deps.directory, clock })
  const roomPreviews = new RoomPreviews({ store, remoteRooms, serverName })
  const spaceChildren = new SpaceChildren({ store, clock })
  const spaceHierarchy = new SpaceHierarchy({
    store,
    previews: roomPreviews,
    children: spaceChildren,
    remoteRooms,
    clock,
  })
  const restrictedJoins = new RestrictedJoins({ store, serverName })
  const forgetRoom = new ForgetRoom({ store, feed })
  const profiles = new Profiles({ store, feed, jobs, remoteProfiles, serverName, clock, metrics })
  jobs.register(new ProfilePropagation({ store, rooms, sender, clock }))
  const push = buildPush({ store, feed, rooms, events, ignoredUsers, clock, metrics })
  const accountData = new AccountData({ store, feed })
  const settings = new RoomSettings({ accountData, pushRules: push.pushRules, rooms, events })
  const roomAcls = new RoomAcls({ events })
  const past = buildBackfill({ ...deps, events, scanner })
  const receiving = buildReceiving({
    ...deps,
    ...past,
    policies,
    rooms,
    mailboxes,
    sender,
    events,
    feed,
    acls: roomAcls,
  })
  const sentInvites = new SentInvites({
    servers: deps.federationClient,
    sender,
    receiver: receiving.eventReceiver,
    events,
    keys: deps.keyRing,
  })
  const membership = new MembershipActions({
    profiles,
    restrictedJoins,
    settings,
    sender,
    sentInvites,
    serverName,
    store,
  })
  const inviteAddress = new InviteAddress({
    store,
    access,
    sender,
    membership,
    profiles,
    identityServers: deps.identityServers,
  })
  const contentRules = new ContentRules({ schemaChecks: contentChecks(eventContents) })
  const eventActions = new EventActions({
    sender,
    membership,
    events,
    aliases,
    contentRules,
    relationRules,
    settings,
    store,
    serverName,
  })
  const createRoom = new CreateRoom({
    sender,
    aliases,
    directory: roomDirectory,
    rooms,
    contentRules,
    profiles,
    membership,
    inviteAddress,
    access,
    serverName,
    logger,
    defaultVersion: deps.defaultRoomVersion,
  })
  const roomUpgrade = new RoomUpgrade({
    store,
    rooms,
    access,
    sender,
    directory: roomDirectory,
    profiles,
    replacementState: new ReplacementState({ store, events }),
    settings,
    serverName,
    clock,
  })
  jobs.register(roomUpgrade.jobHandler)
  const roomState = new RoomState({ store, events, access, serializer, clock })
  const timeline = new Timeline({
    store,
    caughtUp,
    access,
    visibility,
    serializer,
    reader: past.timelineReader,
    presenter,
    aggregator,
    rooms,
    events,
  })
  const eventContexts = new EventContexts({
    store,
    events,
    access,
    visibility,
    reader: past.timelineReader,
    presenter,
    aggregator,
    serializer,
    clock,
  })
  const eventByTime = new EventByTime({ store, events, access, visibility, pastSearch: past.pastSearch })

  const followed = buildSync({
    store,
    serverName,
    feed,
    rooms,
    events,
    access,
    stays,
    ignoredUsers,
    scanner,
    presenter,
    serializer,
    aggregator,
    unreadCounts: push.unreadCounts,
    directory: roomDirectory,
    bus,
    lifecycle: deps.lifecycle,
    clock,
    metrics,
  })
  const { legacyViews, legacyState } = followed
  const foundingState = new FoundingState({
    views: legacyViews,
    roomState,
    legacyState,
    access,
    aliases,
    eventActions,
    sender,
  })
  const foundingTimeline = new FoundingTimeline({ views: legacyViews, timeline, rooms })
  return {
    ...followed,
    ...past,
    feed,
    ignoredUsers,
    access,
    events,
    erasedUsers,
    rooms,
    ...receiving,
    roomAcls,
    restrictedJoins,
    mailboxes,
    sender,
    aliases,
    roomDirectory,
    remoteDirectories: remote.remoteDirectories,
    roomPreviews,
    spaceChildren,
    spaceHierarchy,
    membership,
    inviteAddress,
    settings,
    forgetRoom,
    profiles,
    pushRules: push.pushRules,
    unreadCountsConsumer: push.unreadCountsConsumer,
    eventActions,
    createRoom,
    accountData,
    roomUpgrade,
    roomState,
    timeline,
    eventContexts,
    eventByTime,
    foundingState,
    foundingTimeline,
    relations: related.relations,
    threads: related.threads,
  }
}
