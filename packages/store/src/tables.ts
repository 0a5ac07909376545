import type { Queryable } from './connection/queryable.ts'
import { AccessTokens } from './tables/access-tokens.ts'
import { AccountData } from './tables/account-data.ts'
import { Accounts } from './tables/accounts.ts'
import { BackwardExtremities } from './tables/backward-extremities.ts'
import { ClientTransactions } from './tables/client-transactions.ts'
import { ConsumerCursors } from './tables/consumer-cursors.ts'
import { CurrentState } from './tables/current-state.ts'
import { Deployment } from './tables/deployment.ts'
import { Devices } from './tables/devices.ts'
import { Erasures } from './tables/erasures.ts'
import { Events } from './tables/events.ts'
import { FedDestinations } from './tables/fed-destinations.ts'
import { FedOutbox } from './tables/fed-outbox.ts'
import { Filters } from './tables/filters.ts'
import { FlowSessions } from './tables/flow-sessions.ts'
import { Jobs } from './tables/jobs.ts'
import { Leases } from './tables/leases.ts'
import { InboundStaging } from './tables/inbound-staging.ts'
import { LocalMemberships } from './tables/local-memberships.ts'
import { OutsideMemberships } from './tables/outside-memberships.ts'
import { OwnKeys } from './tables/own-keys.ts'
import { OutgoingEvents } from './tables/outgoing-events.ts'
import { PresenceLists } from './tables/presence-lists.ts'
import { Processes } from './tables/processes.ts'
import { Profiles } from './tables/profiles.ts'
import { LoginTokens } from './tables/login-tokens.ts'
import { Media } from './tables/media.ts'
import { MediaThumbnails } from './tables/media-thumbnails.ts'
import { MediaCensus } from './tables/media-census.ts'
import { MediaBlobs } from './tables/media-blobs.ts'
import { OpenIdTokens } from './tables/openid-tokens.ts'
import { PublishedRooms } from './tables/published-rooms.ts'
import { Receipts } from './tables/receipts.ts'
import { Redactions } from './tables/redactions.ts'
import { RefreshTokens } from './tables/refresh-tokens.ts'
import { RegistrationTokens } from './tables/registration-tokens.ts'
import { Relations } from './tables/relations.ts'
import { Reports } from './tables/reports.ts'
import { RoomAliases } from './tables/room-aliases.ts'
import { RoomHeads } from './tables/room-heads.ts'
import { RoomServers } from './tables/room-servers.ts'
import { RoomStatistics } from './tables/room-statistics.ts'
import { Rooms } from './tables/rooms.ts'
import { ServerKeys } from './tables/server-keys.ts'
import { SpaceWalks } from './tables/space-walks.ts'
import { StateEvents } from './tables/state-events.ts'
import { StreamHead } from './tables/stream-head.ts'
import { ToDevice } from './tables/to-device.ts'
import { UrlPreviews } from './tables/url-previews.ts'
import { UnreadCounts } from './tables/unread-counts.ts'
import { Threads } from './tables/threads.ts'
import { TimelineGaps } from './tables/timeline-gaps.ts'
import { UserDirectory } from './tables/user-directory.ts'

/** The tables, on the database or within one transaction: a call site shows at once which. */
export class Tables {
  readonly accessTokens: AccessTokens
  readonly accountData: AccountData
  readonly accounts: Accounts
  readonly backwardExtremities: BackwardExtremities
  readonly clientTransactions: ClientTransactions
  readonly consumerCursors: ConsumerCursors
  readonly currentState: CurrentState
  readonly deployment: Deployment
  readonly devices: Devices
  readonly erasures: Erasures
  readonly events: Events
  readonly fedDestinations: FedDestinations
  readonly fedOutbox: FedOutbox
  readonly filters: Filters
  readonly flowSessions: FlowSessions
  readonly jobs: Jobs
  readonly leases: Leases
  readonly inboundStaging: InboundStaging
  readonly localMemberships: LocalMemberships
  readonly media: Media
  readonly mediaThumbnails: MediaThumbnails
  readonly mediaBlobs: MediaBlobs
  readonly mediaCensus: MediaCensus
  readonly outsideMemberships: OutsideMemberships
  readonly outgoingEvents: OutgoingEvents
  readonly presenceLists: PresenceLists
  readonly processes: Processes
  readonly profiles: Profiles
  readonly loginTokens: LoginTokens
  readonly openIdTokens: OpenIdTokens
  readonly ownKeys: OwnKeys
  readonly publishedRooms: PublishedRooms
  readonly receipts: Receipts
  readonly redactions: Redactions
  readonly refreshTokens: RefreshTokens
  readonly registrationTokens: RegistrationTokens
  readonly relations: Relations
  readonly reports: Reports
  readonly roomAliases: RoomAliases
  readonly roomHeads: RoomHeads
  readonly roomServers: RoomServers
  readonly roomStatistics: RoomStatistics
  readonly rooms: Rooms
  readonly serverKeys: ServerKeys
  readonly spaceWalks: SpaceWalks
  readonly stateEvents: StateEvents
  readonly streamHead: StreamHead
  readonly toDevice: ToDevice
  readonly urlPreviews: UrlPreviews
  readonly unreadCounts: UnreadCounts
  readonly threads: Threads
  readonly timelineGaps: TimelineGaps
  readonly userDirectory: UserDirectory

  constructor(db: Queryable) {
    this.accessTokens = new AccessTokens(db)
    this.accountData = new AccountData(db)
    this.accounts = new Accounts(db)
    this.backwardExtremities = new BackwardExtremities(db)
    this.clientTransactions = new ClientTransactions(db)
    this.consumerCursors = new ConsumerCursors(db)
    this.currentState = new CurrentState(db)
    this.deployment = new Deployment(db)
    this.devices = new Devices(db)
    this.erasures = new Erasures(db)
    this.events = new Events(db)
    this.fedDestinations = new FedDestinations(db)
    this.fedOutbox = new FedOutbox(db)
    this.filters = new Filters(db)
    this.flowSessions = new FlowSessions(db)
    this.jobs = new Jobs(db)
    this.leases = new Leases(db)
    this.inboundStaging = new InboundStaging(db)
    this.localMemberships = new LocalMemberships(db)
    this.media = new Media(db)
    this.mediaThumbnails = new MediaThumbnails(db)
    this.mediaCensus = new MediaCensus(db)
    this.mediaBlobs = new MediaBlobs(db)
    this.outsideMemberships = new OutsideMemberships(db)
    this.outgoingEvents = new OutgoingEvents(db)
    this.presenceLists = new PresenceLists(db)
    this.processes = new Processes(db)
    this.profiles = new Profiles(db)
    this.loginTokens = new LoginTokens(db)
    this.openIdTokens = new OpenIdTokens(db)
    this.ownKeys = new OwnKeys(db)
    this.publishedRooms = new PublishedRooms(db)
    this.receipts = new Receipts(db)
    this.redactions = new Redactions(db)
    this.refreshTokens = new RefreshTokens(db)
    this.registrationTokens = new RegistrationTokens(db)
    this.relations = new Relations(db)
    this.reports = new Reports(db)
    this.roomAliases = new RoomAliases(db)
    this.roomHeads = new RoomHeads(db)
    this.roomServers = new RoomServers(db)
    this.roomStatistics = new RoomStatistics(db)
    this.rooms = new Rooms(db)
    this.serverKeys = new ServerKeys(db)
    this.spaceWalks = new SpaceWalks(db)
    this.stateEvents = new StateEvents(db)
    this.streamHead = new StreamHead(db)
    this.toDevice = new ToDevice(db)
    this.urlPreviews = new UrlPreviews(db)
    this.unreadCounts = new UnreadCounts(db)
    this.threads = new Threads(db)
    this.timelineGaps = new TimelineGaps(db)
    this.userDirectory = new UserDirectory(db)
  }
}
