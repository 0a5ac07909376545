import type {
  AccountData,
  AccountServices,
  Aliases,
  CreateRoom,
  EventActions,
  EventByTime,
  EventContexts,
  EventStream,
  ForgetRoom,
  FoundingState,
  FoundingTimeline,
  InitialSync,
  InviteAddress,
  LegacyViews,
  MembershipActions,
  MembershipAnywhere,
  Presence,
  PresenceLists,
  ReadMarkers,
  Receipts,
  MutualRooms,
  UserDirectory,
  Profiles,
  Relations,
  RemoteDirectories,
  PushRules,
  Requester,
  RoomDirectory,
  RoomPreviews,
  RoomRegistry,
  RoomState,
  Reports,
  RoomTags,
  RoomUpgrade,
  TurnCredentials,
  SpaceHierarchy,
  Sync,
  SyncFilters,
  ThirdPartyInvites,
  Threads,
  Timeline,
  ToDeviceSender,
  TypingNotices,
} from '@hearth/core'
import { endpointFor, type Requesters } from '@hearth/http'
import type { ServerName } from '@hearth/protocol'
import type { Pages } from '@hearth/web'
import type { ClientRateLimit } from './rate-limits.ts'

/** What the server says of itself. */
export interface ServerFacts {
  readonly serverName: ServerName
  /** The base URL that clients use. */
  readonly publicUrl: string
  /** Whom people can ask for help. */
  readonly support: { readonly matrixId?: string; readonly email?: string; readonly page?: string }
  readonly defaultRoomVersion: string
  /** The room versions that rooms can have, with how stable they are. */
  readonly roomVersions: Readonly<Record<string, 'stable' | 'unstable'>>
}

/** The services that endpoints use. */
export interface ClientApiContext extends Pick<
  AccountServices,
  | 'accountModeration'
  | 'deactivation'
  | 'devices'
  | 'fallbackAuth'
  | 'login'
  | 'loginTokens'
  | 'openIdTokens'
  | 'passwordChange'
  | 'registration'
  | 'sessions'
  | 'sharedSecretRegistration'
> {
  readonly accountData: AccountData
  readonly aliases: Aliases
  readonly createRoom: CreateRoom
  readonly eventActions: EventActions
  readonly eventByTime: EventByTime
  readonly eventContexts: EventContexts
  readonly eventStream: EventStream
  readonly forgetRoom: ForgetRoom
  readonly foundingState: FoundingState
  readonly foundingTimeline: FoundingTimeline
  readonly initialSync: InitialSync
  readonly inviteAddress: InviteAddress
  readonly legacyViews: LegacyViews
  readonly membership: MembershipActions
  readonly membershipAnywhere: MembershipAnywhere
  readonly mutualRooms: MutualRooms
  readonly userDirectory: UserDirectory
  readonly pages: Pages
  readonly profiles: Profiles
  readonly presence: Presence
  readonly presenceLists: PresenceLists
  readonly readMarkers: ReadMarkers
  readonly receipts: Receipts
  readonly relations: Relations
  readonly remoteDirectories: RemoteDirectories
  readonly pushRules: PushRules
  readonly roomDirectory: RoomDirectory
  readonly roomPreviews: RoomPreviews
  readonly rooms: RoomRegistry
  readonly roomState: RoomState
  readonly reports: Reports
  readonly roomTags: RoomTags
  readonly roomUpgrade: RoomUpgrade
  readonly turnCredentials: TurnCredentials
  readonly server: ServerFacts
  readonly spaceHierarchy: SpaceHierarchy
  readonly sync: Sync
  readonly syncFilters: SyncFilters
  readonly thirdPartyInvites: ThirdPartyInvites
  readonly threads: Threads
  readonly timeline: Timeline
  readonly toDeviceSender: ToDeviceSender
  readonly typing: TypingNotices
}

/** The ways to authenticate of the client-server API. */
export interface ClientRequesters extends Requesters {
  /** An access token of a user of this server who is no guest. */
  readonly user: Requester
  /**
   * The same, or a guest's: where the specification lets guests in.
   * {@link https://spec.matrix.org/v1.19/client-server-api/#guest-access}
   */
  readonly userOrGuest: Requester
  /** A user or guest whose account may be locked. */
  readonly userEvenLocked: Requester
  /** A user whom no administrator has suspended: for what others see. */
  readonly activeUser: Requester
  /** The same, or a guest. */
  readonly activeUserOrGuest: Requester
  /** A user, a guest, or nobody: without an access token all are alike. */
  readonly userIfAny: Requester | undefined
}

/** Declares an endpoint of the client-server API. */
export const endpoint = endpointFor<ClientApiContext, ClientRequesters, ClientRateLimit>()
