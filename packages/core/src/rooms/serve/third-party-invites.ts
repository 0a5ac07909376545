import {
  forbidden,
  invalidParam,
  isJsonObject,
  isUserId,
  MatrixError,
  notFound,
  serverOf,
  type JsonObject,
  type RoomId,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import type { FederationClient, IdentityServers } from '@hearth/federation-client'
import { signersOfInvite } from '@hearth/rooms'
import type { Logger } from '@hearth/runtime'
import type { AccountRow, Store } from '@hearth/store'
import type { LocalUser } from '../../requester.ts'
import { refusalOf } from '../../remote-lookups/remote-refusal.ts'
import type { MembershipActions } from '../membership.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import type { RoomRegistry } from '../room-registry.ts'
import type { ResidentRooms } from './resident-rooms.ts'

/** An invitation that an identity server knows of. */
export interface PendingInvite {
  readonly roomId: RoomId
  /** Who invited the address. */
  readonly sender: UserId
  /** What the identity server has signed: whose address it is. */
  readonly signed: JsonObject
}

/** How many invitations are asked for at once. */
const maxPending = 20
/** How long other servers may take, in milliseconds. */
const deadlineMs = 20_000

/**
 * Invitations of people of whom only an address was known: when an identity server has found out who that is, their
 * server asks for an invitation of the user in the name of whoever invited the address.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#third-party-invites}
 */
export class ThirdPartyInvites {
  readonly #deps: {
    readonly store: Store
    readonly residentRooms: ResidentRooms
    readonly membership: MembershipActions
    readonly rooms: RoomRegistry
    readonly events: RoomEvents
    readonly servers: Pick<FederationClient, 'exchangeThirdPartyInvite'>
    readonly identityServers: Pick<IdentityServers, 'isKeyValid'>
    readonly serverName: ServerName
    readonly logger: Logger
  }

  constructor(deps: {
    store: Store
    residentRooms: ResidentRooms
    membership: MembershipActions
    rooms: RoomRegistry
    events: RoomEvents
    servers: Pick<FederationClient, 'exchangeThirdPartyInvite'>
    identityServers: Pick<IdentityServers, 'isKeyValid'>
    serverName: ServerName
    logger: Logger
  }) {
    this.#deps = deps
  }

  /**
   * Invites a user of the origin, as the partial event says. Whether the identity server has signed it, the room's rules
   * find out; whether it still stands by the key, is asked of it where the invitation says so.
   *
   * @throws MatrixError M_NOT_FOUND for a room that this server is not in, M_INVALID_PARAM for what is no such invitation,
   *   M_FORBIDDEN for users of other servers and where the room's rules or the identity server refuse it.
   */
  async exchange(origin: ServerName, roomId: RoomId, event: JsonObject): Promise<void> {
    const { residentRooms, membership } = this.#deps
    const room = await residentRooms.get(roomId, origin)
    const { sender, target, signed } = readInvite(roomId, event)
    if (serverOf(target) !== origin) throw forbidden('A server asks for its own users only')
    const requester = await this.#inviter(sender)
    const displayName = await this.#checkSigned(room, signed)
    const invite = { display_name: displayName, signed }
    await membership.invite({ requester, room, target, content: { third_party_invite: invite } })
  }

  /**
   * Asks for the invitations that wait for a user of this server, each of the server of who invited them. Nobody vouches
   * for whoever tells of them; what counts is what the identity server has signed, and whoever is asked looks at that.
   *
   * @throws MatrixError M_NOT_FOUND for a user that this server has not; when all have been asked for, why one of the
   *   invitations could not be had.
   */
  async askFor(userId: UserId, invites: readonly PendingInvite[]): Promise<void> {
    if (!(await this.#findUser(userId))) throw notFound('There is no such user here')
    const asked = invites.slice(0, maxPending).map((invite) => this.#ask(userId, invite))
    const failures = (await Promise.allSettled(asked)).flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
    )
    for (const error of failures) {
      this.#deps.logger.info('an invitation of an address could not be had', { userId, error })
    }
    if (failures.length > 0) throw refusal(failures[0])
  }

  /**
   * Has a user invited who shows what an identity server has signed, and is going to join. Who is in already, or invited,
   * needs no invitation.
   *
   * @throws MatrixError M_FORBIDDEN, M_INVALID_PARAM, M_NOT_FOUND as {@link exchange}, M_UNKNOWN (502) when the inviting
   *   user's server gives no answer.
   */
  async accept(userId: UserId, roomId: RoomId, signed: JsonObject): Promise<void> {
    const { sender, mxid } = signed
    if (typeof sender !== 'string' || !isUserId(sender)) throw invalidParam('Nobody is said to have invited')
    if (mxid !== userId) throw forbidden('The invitation is for another user')
    const room = await this.#deps.rooms.find(roomId)
    const member = room && (await this.#deps.events.findState(room.head.state, 'm.room.member', userId))
    const membership = member?.pdu.content['membership']
    if (membership === 'join' || membership === 'invite') return
    try {
      await this.#ask(userId, { roomId, sender, signed })
    } catch (error) {
      throw refusal(error)
    }
  }

  async #ask(userId: UserId, { roomId, sender, signed }: PendingInvite): Promise<void> {
    const { servers, serverName } = this.#deps
    const content = { membership: 'invite', third_party_invite: { display_name: userId, signed } }
    const event = { type: 'm.room.member', room_id: roomId, sender, state_key: userId, content }
    const server = serverOf(sender)
    if (server === serverName) await this.exchange(serverName, roomId, event)
    else await servers.exchangeThirdPartyInvite(server, roomId, event, { deadlineMs })
  }

  /** Finds the waiting invitation, and gives what it calls the invited. */
  async #checkSigned(room: Room, signed: JsonObject): Promise<string> {
    const { events, identityServers } = this.#deps
    const { token } = signed
    const waiting =
      typeof token === 'string'
        ? await events.findState(room.head.state, 'm.room.third_party_invite', token)
        : undefined
    if (!waiting) throw forbidden('No such invitation is waiting')
    for (const { publicKey, validityUrl } of signersOfInvite(room.version, signed, waiting)) {
      if (validityUrl === undefined || (await identityServers.isKeyValid(validityUrl, publicKey))) {
        const { display_name: displayName } = waiting.pdu.content
        return typeof displayName === 'string' ? displayName : ''
      }
    }
    throw forbidden('The invitation is signed with no key that its identity server stands by')
  }

  async #inviter(userId: UserId): Promise<LocalUser> {
    const account = await this.#findUser(userId)
    if (!account) throw forbidden('The inviting user is not of this server')
    return { userId, userNid: account.userNid, isGuest: account.isGuest }
  }

  async #findUser(userId: UserId): Promise<AccountRow | undefined> {
    const { store, serverName } = this.#deps
    const userNid = serverOf(userId) === serverName ? await store.users.find(userId) : undefined
    const account = userNid === undefined ? undefined : await store.accounts.find(userNid)
    return account?.deactivatedTs === null ? account : undefined
  }
}

/** What whoever asked for an invitation is told of why there is none. */
function refusal(error: unknown): MatrixError {
  return error instanceof MatrixError ? error : refusalOf(error, 'The invitation')
}

function readInvite(roomId: RoomId, event: JsonObject): { sender: UserId; target: UserId; signed: JsonObject } {
  const { type, room_id: eventRoomId, sender, state_key: target, content } = event
  if (type !== 'm.room.member') throw invalidParam('The event is no membership')
  if (eventRoomId !== roomId) throw invalidParam('The event is of another room')
  if (typeof sender !== 'string' || !isUserId(sender)) throw invalidParam('The sender is no user')
  if (typeof target !== 'string' || !isUserId(target)) throw invalidParam('Nobody is invited')
  if (!isJsonObject(content) || content['membership'] !== 'invite') throw invalidParam('The event is no invitation')
  const invite = content['third_party_invite']
  if (!isJsonObject(invite) || !isJsonObject(invite['signed'])) throw invalidParam('The invitation is not signed')
  return { sender, target, signed: invite['signed'] }
}
