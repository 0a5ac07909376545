import type { Address, IdentityServers } from '@hearth/federation-client'
import { invalidParam, isServerName, MatrixError, type JsonObject, type ServerName } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { Profiles } from '../profiles/profiles.ts'
import { refusalOf } from '../remote-lookups/remote-refusal.ts'
import type { LocalUser } from '../requester.ts'
import type { MembershipActions } from './membership.ts'
import type { Room } from './room.ts'
import type { RoomAccess } from './room-access.ts'
import { readRoomProfiles } from './room-profiles.ts'
import type { EventSender } from './send/event-sender.ts'
import type { Proposal } from './send/proposal.ts'

/** Somebody who is invited by an address, and the identity server that may know who that is. */
export interface InvitedAddress extends Address {
  readonly identityServer: string
  /** The inviting user's token there. */
  readonly accessToken: string
}

export interface AddressInvitation {
  readonly requester: LocalUser
  readonly room: Room
  readonly invited: InvitedAddress
  /** Further content of the member event, if it comes to one. */
  readonly content?: JsonObject
}

const maxAddressLength = 500

/**
 * Invites people of whom only an address is known.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#third-party-invites}
 */
export class InviteAddress {
  readonly #deps: {
    readonly store: Store
    readonly access: RoomAccess
    readonly sender: EventSender
    readonly membership: Pick<MembershipActions, 'invite'>
    readonly profiles: Pick<Profiles, 'memberContent'>
    readonly identityServers: Pick<IdentityServers, 'findUser' | 'storeInvite'>
  }

  constructor(deps: {
    store: Store
    access: RoomAccess
    sender: EventSender
    membership: Pick<MembershipActions, 'invite'>
    profiles: Pick<Profiles, 'memberContent'>
    identityServers: Pick<IdentityServers, 'findUser' | 'storeInvite'>
  }) {
    this.#deps = deps
  }

  /**
   * Invites the user whose address it is. If the identity server knows none, the invitation waits in the room until it
   * does. Nobody is asked on behalf of those who may not invite.
   *
   * @throws MatrixError M_FORBIDDEN as for any invitation, M_INVALID_PARAM, M_UNKNOWN (502) without a usable answer of the
   *   identity server.
   */
  async invite({ requester, room, invited, content }: AddressInvitation): Promise<void> {
    const { access, sender, membership, identityServers } = this.#deps
    const address = normalAddress(invited)
    const server = serverNameOf(invited)
    await access.requireJoined(room, requester.userId)
    const waiting = (token: string, told: JsonObject): Proposal => ({
      type: 'm.room.third_party_invite',
      stateKey: token,
      sender: requester.userId,
      content: told,
    })
    await sender.propose(room, () => [waiting('token', {})])
    try {
      const identity = { server, accessToken: invited.accessToken }
      const target = await identityServers.findUser(identity, address)
      if (target !== undefined) {
        await membership.invite({ requester, room, target, content })
        return
      }
      const { userId } = requester
      const shown = await this.#shownTo(requester, room)
      const stored = await identityServers.storeInvite(identity, { ...address, roomId: room.id, sender: userId, shown })
      const publicKeys = stored.publicKeys.map(({ publicKey, keyValidityUrl }) => ({
        public_key: publicKey,
        ...(keyValidityUrl !== undefined && { key_validity_url: keyValidityUrl }),
      }))
      const [first] = publicKeys
      // What is listed once stands beside the list as well, for those who know no list.
      const told = { display_name: stored.displayName, ...first, public_keys: publicKeys }
      await sender.sendOne(room, () => [waiting(stored.token, told)])
    } catch (error) {
      if (error instanceof MatrixError) throw error
      throw refusalOf(error, 'The identity server')
    }
  }

  /** What the mail to the invited may say of the room and of who invites. */
  async #shownTo({ userId }: LocalUser, room: Room): Promise<Record<string, string>> {
    const { store, profiles } = this.#deps
    const [rooms, sender] = await Promise.all([readRoomProfiles([room.nid], store), profiles.memberContent(userId)])
    const profile = rooms.get(room.nid)
    const shown = {
      room_alias: profile?.canonicalAlias,
      room_avatar_url: profile?.avatarUrl,
      room_join_rules: profile?.joinRule,
      room_name: profile?.name,
      room_type: profile?.roomType,
      sender_display_name: sender['displayname'],
      sender_avatar_url: sender['avatar_url'],
    }
    const known = Object.entries(shown).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    return Object.fromEntries(known)
  }
}

function serverNameOf({ identityServer }: InvitedAddress): ServerName {
  if (!isServerName(identityServer)) throw invalidParam('id_server is not the name of a server')
  return identityServer
}

/** The address in the form in which identity servers compare them. */
function normalAddress({ medium, address }: InvitedAddress): Address {
  if (medium !== 'email' && medium !== 'msisdn') throw invalidParam('There are addresses of medium email and msisdn')
  if (address.length > maxAddressLength || /\s/.test(address)) throw invalidParam('This is no address')
  return { medium, address: medium === 'email' ? address.toLowerCase() : address }
}
