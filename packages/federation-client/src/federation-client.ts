import type { SigningKey } from '@hearth/crypto'
import type { EventId, JsonObject, RoomAlias, RoomId, ServerName, UserId } from '@hearth/protocol'
import type { Clock, Logger, Metrics } from '@hearth/runtime'
import type { DestinationHealth } from './destination-health.ts'
import { Discovery } from './discovery/discovery.ts'
import { SrvLookup } from './discovery/srv-lookup.ts'
import { WellKnownFetcher } from './discovery/well-known-fetcher.ts'
import { WellKnowns } from './discovery/well-knowns.ts'
import type { Network } from './network/network.ts'
import { askPolicyServerToSign } from './operations/ask-policy-server-to-sign.ts'
import { backfill, type BackfillRange } from './operations/backfill.ts'
import { exchangeThirdPartyInvite } from './operations/exchange-third-party-invite.ts'
import { getEventAuth } from './operations/get-event-auth.ts'
import { getEvent } from './operations/get-event.ts'
import { getMedia, getMediaUnauthenticated, type GetMediaOptions, type MediaAnswer } from './operations/get-media.ts'
import { getMissingEvents, type MissingEventsRange } from './operations/get-missing-events.ts'
import { getServerKeys } from './operations/get-server-keys.ts'
import { getStateIds, type StateIdsAnswer } from './operations/get-state-ids.ts'
import { getState, type GetStateOptions, type StateAnswer } from './operations/get-state.ts'
import { getVersion, type ServerVersion } from './operations/get-version.ts'
import { hierarchy, type HierarchyAnswer } from './operations/hierarchy.ts'
import { invite, type Invitation } from './operations/invite.ts'
import { makeJoin } from './operations/make-join.ts'
import { makeKnock } from './operations/make-knock.ts'
import { makeLeave } from './operations/make-leave.ts'
import type { MembershipTemplate } from './operations/membership-template.ts'
import { publicRooms, type PublicRoomsAnswer, type PublicRoomsQuery } from './operations/public-rooms.ts'
import { queryDirectory, type DirectoryAnswer } from './operations/query-directory.ts'
import { queryKeys, type KeyCriteria } from './operations/query-keys.ts'
import { queryProfile } from './operations/query-profile.ts'
import { sendJoin, type SendJoinAnswer, type SendJoinOptions } from './operations/send-join.ts'
import { sendKnock } from './operations/send-knock.ts'
import { sendLeave } from './operations/send-leave.ts'
import { sendTransaction, type TransactionResults } from './operations/send-transaction.ts'
import { timestampToEvent, type TimestampQuery, type TimestampToEventAnswer } from './operations/timestamp-to-event.ts'
import type { RequestOptions } from './request-options.ts'
import { ConnectionPool } from './requests/connection-pool.ts'
import { Connector } from './requests/connector.ts'
import { Requests } from './requests/requests.ts'

export interface FederationClientDeps {
  readonly serverName: ServerName
  /** Lets it ask this very server, to see whether others can. */
  readonly asksItself?: boolean
  /** The key with which requests are signed now. */
  readonly signingKey: () => SigningKey
  readonly network: Network
  /** Certificate authorities in PEM to trust beside the usual ones. */
  readonly trustedAuthorities?: readonly string[]
  /** Lets requests reach loopback and private addresses. */
  readonly allowPrivateAddresses: boolean
  /** Whether federation with this server is allowed at all. */
  readonly mayTalkTo: (destination: ServerName) => boolean
  /** Every server may be tried when absent. */
  readonly health?: DestinationHealth
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/**
 * Asks other servers: one method for each operation of the server-server API. What they answer has been checked against
 * the operation's schema, as far as the types say; PDUs are whatever JSON object came.
 *
 * Every method throws `RemoteError` when the server refuses, `ServerUnreachable` when it gives no usable answer, and the
 * signal's reason when it is aborted.
 */
export class FederationClient {
  readonly #requests: Requests
  readonly #connections: ConnectionPool
  readonly #discovery: Discovery

  constructor(deps: FederationClientDeps) {
    const { network, trustedAuthorities = [], allowPrivateAddresses, clock, metrics, health } = deps
    const connector = new Connector({ network, trustedAuthorities, allowPrivateAddresses, clock })
    const fetcher = new WellKnownFetcher({ connector, clock })
    const discovery = new Discovery({
      wellKnowns: new WellKnowns({ fetcher, clock, metrics }),
      srv: new SrvLookup({ network, clock, metrics }),
    })
    this.#discovery = discovery
    this.#connections = new ConnectionPool(connector)
    this.#requests = new Requests({ ...deps, health, discovery, connections: this.#connections })
  }

  /** Closes the connections that are kept. Requests that are under way fail. */
  close(): void {
    this.#connections.close()
  }

  /** Finds out anew how a server is reached, next time that it is asked. */
  forgetWayTo(destination: ServerName): void {
    this.#discovery.forget(destination)
  }

  /** A server's signing keys, as it publishes them. Nothing in the answer is checked. */
  getServerKeys(destination: ServerName, options?: RequestOptions): Promise<JsonObject> {
    return getServerKeys(this.#requests, destination, options)
  }

  /** The keys of servers, as another server knows them and has signed them. Nothing in them is checked. */
  queryKeys(notary: ServerName, criteria: KeyCriteria, options?: RequestOptions): Promise<readonly JsonObject[]> {
    return queryKeys(this.#requests, notary, criteria, options)
  }

  /** Sends a transaction; `bodyJson` must be canonical JSON. Gives what became of each PDU. */
  sendTransaction(
    destination: ServerName,
    txnId: string,
    bodyJson: string,
    options?: RequestOptions,
  ): Promise<TransactionResults> {
    return sendTransaction(this.#requests, destination, txnId, bodyJson, options)
  }

  /** One event. */
  getEvent(destination: ServerName, eventId: EventId, options?: RequestOptions): Promise<JsonObject> {
    return getEvent(this.#requests, destination, eventId, options)
  }

  /** The state of a room before an event, and the events that authorize it. */
  getState(destination: ServerName, roomId: RoomId, eventId: EventId, options?: GetStateOptions): Promise<StateAnswer> {
    return getState(this.#requests, destination, roomId, eventId, options)
  }

  /** As `getState`, by id. */
  getStateIds(
    destination: ServerName,
    roomId: RoomId,
    eventId: EventId,
    options?: RequestOptions,
  ): Promise<StateIdsAnswer> {
    return getStateIds(this.#requests, destination, roomId, eventId, options)
  }

  /** The events that authorize an event, and those that authorize them. */
  getEventAuth(
    destination: ServerName,
    roomId: RoomId,
    eventId: EventId,
    options?: RequestOptions,
  ): Promise<readonly JsonObject[]> {
    return getEventAuth(this.#requests, destination, roomId, eventId, options)
  }

  /** The events before some events. */
  backfill(
    destination: ServerName,
    roomId: RoomId,
    range: BackfillRange,
    options?: RequestOptions,
  ): Promise<readonly JsonObject[]> {
    return backfill(this.#requests, destination, roomId, range, options)
  }

  /** The events between those that one has and those that one was sent. */
  getMissingEvents(
    destination: ServerName,
    roomId: RoomId,
    range: MissingEventsRange,
    options?: RequestOptions,
  ): Promise<readonly JsonObject[]> {
    return getMissingEvents(this.#requests, destination, roomId, range, options)
  }

  /** Asks for a join event to complete. `roomVersions` are those that this server knows. */
  makeJoin(
    destination: ServerName,
    roomId: RoomId,
    userId: UserId,
    roomVersions: readonly string[],
    options?: RequestOptions,
  ): Promise<MembershipTemplate> {
    return makeJoin(this.#requests, destination, roomId, userId, roomVersions, options)
  }

  /** Joins with a signed event. Gives the state of the room before it. */
  sendJoin(
    destination: ServerName,
    roomId: RoomId,
    eventId: EventId,
    event: JsonObject,
    options?: SendJoinOptions,
  ): Promise<SendJoinAnswer> {
    return sendJoin(this.#requests, destination, roomId, eventId, event, options)
  }

  /** Asks for a leave event to complete: to reject an invitation or take back a knock. */
  makeLeave(
    destination: ServerName,
    roomId: RoomId,
    userId: UserId,
    options?: RequestOptions,
  ): Promise<MembershipTemplate> {
    return makeLeave(this.#requests, destination, roomId, userId, options)
  }

  /** Leaves with a signed event. */
  sendLeave(
    destination: ServerName,
    roomId: RoomId,
    eventId: EventId,
    event: JsonObject,
    options?: RequestOptions,
  ): Promise<void> {
    return sendLeave(this.#requests, destination, roomId, eventId, event, options)
  }

  /** Asks for a knock event to complete. `roomVersions` are those that this server knows. */
  makeKnock(
    destination: ServerName,
    roomId: RoomId,
    userId: UserId,
    roomVersions: readonly string[],
    options?: RequestOptions,
  ): Promise<MembershipTemplate> {
    return makeKnock(this.#requests, destination, roomId, userId, roomVersions, options)
  }

  /** Knocks with a signed event. Gives some of the room's state, stripped. */
  sendKnock(
    destination: ServerName,
    roomId: RoomId,
    eventId: EventId,
    event: JsonObject,
    options?: RequestOptions,
  ): Promise<readonly JsonObject[]> {
    return sendKnock(this.#requests, destination, roomId, eventId, event, options)
  }

  /** Invites a user of the destination. Gives the event with that server's signature. */
  invite(
    destination: ServerName,
    roomId: RoomId,
    eventId: EventId,
    invitation: Invitation,
    options?: RequestOptions,
  ): Promise<JsonObject> {
    return invite(this.#requests, destination, roomId, eventId, invitation, options)
  }

  /** Turns an invitation by e-mail address or the like into one of a user, through a server in the room. */
  exchangeThirdPartyInvite(
    destination: ServerName,
    roomId: RoomId,
    event: JsonObject,
    options?: RequestOptions,
  ): Promise<void> {
    return exchangeThirdPartyInvite(this.#requests, destination, roomId, event, options)
  }

  /** A page of a server's published rooms. */
  publicRooms(destination: ServerName, query: PublicRoomsQuery, options?: RequestOptions): Promise<PublicRoomsAnswer> {
    return publicRooms(this.#requests, destination, query, options)
  }

  /** The room of an alias, and servers that may know it. */
  queryDirectory(destination: ServerName, alias: RoomAlias, options?: RequestOptions): Promise<DirectoryAnswer> {
    return queryDirectory(this.#requests, destination, alias, options)
  }

  /** A user's profile, or one field of it. */
  queryProfile(destination: ServerName, userId: UserId, field?: string, options?: RequestOptions): Promise<JsonObject> {
    return queryProfile(this.#requests, destination, userId, field, options)
  }

  /** A space and its children. */
  hierarchy(
    destination: ServerName,
    roomId: RoomId,
    query: { readonly suggestedOnly?: boolean },
    options?: RequestOptions,
  ): Promise<HierarchyAnswer> {
    return hierarchy(this.#requests, destination, roomId, query, options)
  }

  /** The event of a room that is closest to a moment. */
  timestampToEvent(
    destination: ServerName,
    roomId: RoomId,
    query: TimestampQuery,
    options?: RequestOptions,
  ): Promise<TimestampToEventAnswer> {
    return timestampToEvent(this.#requests, destination, roomId, query, options)
  }

  /** Asks a policy server to sign an event. Gives the signatures, by server and key id. */
  askPolicyServerToSign(destination: ServerName, event: JsonObject, options?: RequestOptions): Promise<JsonObject> {
    return askPolicyServerToSign(this.#requests, destination, event, options)
  }

  /** A file of a server, as it arrives, or where it is to be had. */
  getMedia(destination: ServerName, mediaId: string, options: GetMediaOptions): Promise<MediaAnswer> {
    return getMedia(this.#requests, destination, mediaId, options)
  }

  /** The same from servers older than version 1.11 of the specification, which gave files to anybody. */
  getMediaUnauthenticated(destination: ServerName, mediaId: string, options: GetMediaOptions): Promise<MediaAnswer> {
    return getMediaUnauthenticated(this.#requests, destination, mediaId, options)
  }

  /** The software of a server. */
  getVersion(destination: ServerName, options?: RequestOptions): Promise<ServerVersion> {
    return getVersion(this.#requests, destination, options)
  }
}
