import type {
  Aliases,
  MembershipTemplates,
  Notary,
  OpenIdTokens,
  OwnKeys,
  Profiles,
  ReceivedInvites,
  ReceivedJoins,
  ReceivedMemberships,
  RoomDirectory,
  ServedEventByTime,
  ServedEvents,
  ServedSpaces,
  ServedState,
  ThirdPartyInvites,
} from '@hearth/core'
import { endpointFor, type Requesters } from '@hearth/http'
import type { ServerName } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { ServerRequester } from './authentication/server-authenticator.ts'
import type { FederationRateLimit } from './rate-limits.ts'
import type { ReceivedTransactions } from './transactions/received-transactions.ts'

/** The services that endpoints use. */
export interface FederationContext {
  readonly aliases: Aliases
  readonly clock: Clock
  /** Whether somebody at an address may have a server asked for its keys: counts that they do. */
  readonly mayAskForKeys: (ip: string) => Promise<boolean>
  readonly membershipTemplates: MembershipTemplates
  readonly notary: Notary
  readonly openIdTokens: OpenIdTokens
  readonly ownKeys: OwnKeys
  readonly profiles: Profiles
  readonly receivedInvites: ReceivedInvites
  readonly receivedJoins: ReceivedJoins
  readonly receivedMemberships: ReceivedMemberships
  readonly receivedTransactions: ReceivedTransactions
  readonly roomDirectory: RoomDirectory
  readonly servedEventByTime: ServedEventByTime
  readonly servedEvents: ServedEvents
  readonly servedSpaces: ServedSpaces
  readonly servedState: ServedState
  readonly thirdPartyInvites: ThirdPartyInvites
  /** What the server says of itself. */
  readonly server: {
    readonly serverName: ServerName
    readonly version: string
    /** Where it is reached from outside; absent when other servers are not to find it. */
    readonly publicUrl: string | undefined
  }
}

/** Who may ask: anybody, or a server that has signed its request. */
export interface FederationRequesters extends Requesters {
  readonly server: ServerRequester
}

/** Declares an endpoint of the server-server API. */
export const endpoint = endpointFor<FederationContext, FederationRequesters, FederationRateLimit>()
