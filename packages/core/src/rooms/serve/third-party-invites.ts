import {
  forbidden,
  invalidParam,
  isJsonObject,
  isUserId,
  notFound,
  serverOf,
  type JsonObject,
  type RoomId,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import type { FederationClient } from '@hearth/federation-client'
import type { Logger } from '@hearth/runtime'
import type { AccountRow, Store } from '@hearth/store'
import type { LocalUser } from '../../requester.ts'
import type { MembershipActions } from '../membership.ts'
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
    readonly servers: Pick<FederationClient, 'exchangeThirdPartyInvite'>
    readonly serverName: ServerName
    readonly logger: Logger
  }

  constructor(deps: {
    store: Store
    residentRooms: ResidentRooms
    membership: MembershipActions
    servers: Pick<FederationClient, 'exchangeThirdPartyInvite'>
    serverName: ServerName
    logger: Logger
  }) {
    this.#deps = deps
  }

  /**
   * Invites a user of the origin, as the partial event says. Whether the identity server has signed it, the room's rules
   * find out.
   *
   * @throws MatrixError M_NOT_FOUND for a room that this server is not in, M_INVALID_PARAM for what is no such invitation,
   *   M_FORBIDDEN for users of other servers and where the room's rules refuse it.
   */
  async exchange(origin: ServerName, roomId: RoomId, event: JsonObject): Promise<void> {
    const { residentRooms, membership } = this.#deps
    const room = await residentRooms.get(roomId, origin)
    const { sender, target, invite } = readInvite(roomId, event)
    if (serverOf(target) !== origin) throw forbidden('A server asks for its own users only')
    const requester = await this.#inviter(sender)
    await membership.invite({ requester, room, target, content: { third_party_invite: invite } })
  }

  /**
   * Asks for the invitations that wait for a user of this server, each of the server of who invited them. Nobody vouches
   * for whoever tells of them; what counts is what the identity server has signed, and whoever is asked looks at that.
   *
   * @throws MatrixError M_NOT_FOUND for a user that this server has not.
   */
  async askFor(userId: UserId, invites: readonly PendingInvite[]): Promise<void> {
    const { servers, serverName, logger } = this.#deps
    if (!(await this.#findUser(userId))) throw notFound('There is no such user here')
    const asked = invites.slice(0, maxPending).map(async ({ roomId, sender, signed }) => {
      const content = { membership: 'invite', third_party_invite: { display_name: userId, signed } }
      const event = { type: 'm.room.member', room_id: roomId, sender, state_key: userId, content }
      const server = serverOf(sender)
      if (server === serverName) return this.exchange(serverName, roomId, event)
      return servers.exchangeThirdPartyInvite(server, roomId, event, { deadlineMs })
    })
    for (const outcome of await Promise.allSettled(asked)) {
      if (outcome.status === 'rejected') {
        logger.info('an invitation of an address could not be had', { userId, error: outcome.reason as unknown })
      }
    }
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

function readInvite(roomId: RoomId, event: JsonObject): { sender: UserId; target: UserId; invite: JsonObject } {
  const { type, room_id: eventRoomId, sender, state_key: target, content } = event
  if (type !== 'm.room.member') throw invalidParam('The event is no membership')
  if (eventRoomId !== roomId) throw invalidParam('The event is of another room')
  if (typeof sender !== 'string' || !isUserId(sender)) throw invalidParam('The sender is no user')
  if (typeof target !== 'string' || !isUserId(target)) throw invalidParam('Nobody is invited')
  if (!isJsonObject(content) || content['membership'] !== 'invite') throw invalidParam('The event is no invitation')
  const invite = content['third_party_invite']
  if (!isJsonObject(invite) || !isJsonObject(invite['signed'])) throw invalidParam('The invitation is not signed')
  return { sender, target, invite }
}
