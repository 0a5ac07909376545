import {
  MembershipTemplates,
  ReceivedJoins,
  ReceivedMemberships,
  ResidentRooms,
  ServedEventByTime,
  ServedEvents,
  ServedSpaces,
  ServedState,
  ServerAccess,
  ServerVisibility,
  ThirdPartyInvites,
  type ErasedUsers,
  type EventReceiver,
  type KeyRing,
  type MembershipActions,
  type PduVerifier,
  type RestrictedJoins,
  type RoomAcls,
  type RoomEvents,
  type RoomPreviews,
  type RoomRegistry,
  type RoomSummaries,
  type SpaceChildren,
} from '@hearth/core'
import type { SigningKey } from '@hearth/crypto'
import type { FederationClient, IdentityServers } from '@hearth/federation-client'
import type { ServerName } from '@hearth/protocol'
import type { Clock, Logger } from '@hearth/runtime'
import type { Store } from '@hearth/store'

export interface ServingDeps {
  readonly store: Store
  readonly serverName: ServerName
  readonly signingKey: SigningKey
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
  readonly acls: RoomAcls
  readonly erasedUsers: ErasedUsers
  readonly restrictedJoins: RestrictedJoins
  readonly membership: MembershipActions
  readonly keyRing: KeyRing
  readonly pduVerifier: PduVerifier
  readonly eventReceiver: EventReceiver
  readonly roomPreviews: RoomPreviews
  readonly spaceChildren: SpaceChildren
  readonly summaries: RoomSummaries
  readonly federationClient: FederationClient
  readonly identityServers: IdentityServers
  readonly clock: Clock
  readonly logger: Logger
}

/** Builds what other servers are told of rooms, and how their users come in and leave. */
export function buildServing(deps: ServingDeps) {
  const { store, serverName, signingKey, rooms, events, acls, erasedUsers, restrictedJoins, clock } = deps
  const visibility = new ServerVisibility({ store, events, erasedUsers, clock })
  const access = new ServerAccess({ store, rooms, acls, visibility })
  const residentRooms = new ResidentRooms({ store, rooms, acls, serverName })
  const servedState = new ServedState({ store, events, access })
  const receivedMemberships = new ReceivedMemberships({
    store,
    events,
    residentRooms,
    restrictedJoins,
    verifier: deps.pduVerifier,
    keyRing: deps.keyRing,
    receiver: deps.eventReceiver,
    serverName,
    signingKey,
  })
  return {
    membershipTemplates: new MembershipTemplates({ residentRooms, events, restrictedJoins, serverName, clock }),
    receivedMemberships,
    receivedJoins: new ReceivedJoins({
      store,
      memberships: receivedMemberships,
      served: servedState,
      summaries: deps.summaries,
      serverName,
    }),
    servedEventByTime: new ServedEventByTime({ store, access }),
    servedEvents: new ServedEvents({ store, rooms, events, access }),
    servedSpaces: new ServedSpaces({
      store,
      rooms,
      acls,
      previews: deps.roomPreviews,
      children: deps.spaceChildren,
    }),
    servedState,
    thirdPartyInvites: new ThirdPartyInvites({ ...deps, residentRooms, servers: deps.federationClient }),
  }
}
