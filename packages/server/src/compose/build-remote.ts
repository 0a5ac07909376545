import {
  AdoptedRooms,
  JoinWithdrawals,
  MembershipAnywhere,
  OutlierIntake,
  OutsideMembershipChanges,
  ReceivedInvites,
  RemoteJoins,
  RemoteKnocks,
  RemoteLeaves,
  type Jobs,
  type JoiningRooms,
  type MembershipActions,
  type OwnKeys,
  type PduVerifier,
  type Profiles,
  type ReceivedPdus,
  type RoomAcls,
  type RoomEvents,
  type RoomMailboxes,
  type RoomRegistry,
  type RoomSettings,
  type StreamFeed,
} from '@hearth/core'
import type { FederationClient } from '@hearth/federation-client'
import type { ServerName } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import type { Clock, Logger } from '@hearth/runtime'
import type { Store } from '@hearth/store'

export interface RemoteDeps {
  readonly store: Store
  readonly serverName: ServerName
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
  readonly feed: StreamFeed
  readonly mailboxes: RoomMailboxes
  readonly joiningRooms: JoiningRooms
  readonly membership: MembershipActions
  readonly settings: RoomSettings
  readonly profiles: Profiles
  readonly ownKeys: OwnKeys
  readonly pduVerifier: PduVerifier
  readonly receivedPdus: ReceivedPdus
  readonly federationClient: FederationClient
  readonly roomAcls: RoomAcls
  /** Counts an invitation of a user; throws when there are too many. */
  readonly countInvite: (invited: string) => Promise<void>
  readonly jobs: Jobs
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
}

/** Builds how this server's users come into rooms of other servers, and out of them. */
export function buildRemote(deps: RemoteDeps) {
  const { store, events, feed, joiningRooms, federationClient, ownKeys, jobs } = deps
  const common = { ...deps, servers: federationClient, verifier: deps.pduVerifier, signingKey: () => ownKeys.current }
  const memberships = new OutsideMembershipChanges(deps)
  const outliers = new OutlierIntake({ store, events, clock: deps.clock })
  const adopted = new AdoptedRooms({ ...deps, feed })
  const withdrawals = new JoinWithdrawals({ ...common, joining: joiningRooms })
  jobs.register(withdrawals)
  const joins = new RemoteJoins({
    ...common,
    intake: outliers,
    adopted,
    joining: joiningRooms,
    withdrawals,
    received: deps.receivedPdus,
  })
  jobs.register(joins)
  const knocks = new RemoteKnocks({ ...common, memberships })
  const leaves = new RemoteLeaves({ ...common, memberships })
  return {
    outliers,
    membershipAnywhere: new MembershipAnywhere({ ...deps, joins, knocks, leaves }),
    receivedInvites: new ReceivedInvites({ ...common, acls: deps.roomAcls, memberships }),
  }
}
