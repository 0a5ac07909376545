import { isDeepStrictEqual } from 'node:util'
import {
  badJson,
  forbidden,
  serverOf,
  type JsonObject,
  type RoomId,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'
import type { ClientTransaction, Membership, Store } from '@hearth/store'
import type { Profiles } from '../profiles/profiles.ts'
import type { LocalUser } from '../requester.ts'
import { requireGuestAccess } from './guest-access.ts'
import { membershipOf } from './membership-content.ts'
import type { SentInvites } from './remote/sent-invites.ts'
import type { RestrictedJoins } from './restricted-joins.ts'
import type { Room } from './room.ts'
import type { EventSender, Plan } from './send/event-sender.ts'
import type { SentEvent } from './send/proposal.ts'
import type { RoomDraft } from './send/room-draft.ts'
import type { RoomSettings } from './upgrade/room-settings.ts'

/** One user's wish to change a membership, their own or another's. */
export interface MembershipRequest {
  readonly requester: LocalUser
  readonly room: Room
  readonly target: UserId
  readonly reason?: string | undefined
  /** Further content of the member event. */
  readonly content?: JsonObject | undefined
  readonly transaction?: ClientTransaction | undefined
}

/** Memberships in which others see a user by name. */
const comesIn: ReadonlySet<Membership> = new Set(['join', 'invite', 'knock'])

type OwnRequest = Omit<MembershipRequest, 'target'>

/**
 * Joining, inviting, leaving, kicking, banning. The room version's rules decide who may; here stands what the actions
 * mean beyond them.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#room-membership}
 */
export class MembershipActions {
  readonly #restrictedJoins: RestrictedJoins
  readonly #settings: RoomSettings
  readonly #sender: EventSender
  readonly #sentInvites: SentInvites
  readonly #serverName: ServerName
  readonly #profiles: Pick<Profiles, 'memberContent' | 'peekMemberContent'>
  readonly #store: Store

  constructor(deps: {
    profiles: Pick<Profiles, 'memberContent' | 'peekMemberContent'>
    restrictedJoins: RestrictedJoins
    settings: RoomSettings
    sender: EventSender
    sentInvites: SentInvites
    serverName: ServerName
    store: Store
  }) {
    this.#restrictedJoins = deps.restrictedJoins
    this.#settings = deps.settings
    this.#sender = deps.sender
    this.#sentInvites = deps.sentInvites
    this.#serverName = deps.serverName
    this.#profiles = deps.profiles
    this.#store = deps.store
  }

  /** The rooms that a user is joined to. */
  async joinedRooms(requester: LocalUser): Promise<RoomId[]> {
    const rows = await this.#store.localMemberships.listByUser(requester.userNid)
    const joined = rows.filter(({ membership }) => membership === 'join').map(({ roomNid }) => roomNid)
    return (await this.#store.rooms.findByNids(joined)).map(({ roomId }) => roomId)
  }

  /** Joins; joining twice changes nothing. */
  join(request: OwnRequest): Promise<SentEvent> {
    return this.#change({ ...request, target: request.requester.userId }, 'join', (current) => {
      if (membershipOf(current) === 'join') return { eventId: current!.eventId, existing: true }
      return undefined
    })
  }

  /**
   * Asks to be let in.
   * {@link https://spec.matrix.org/v1.19/client-server-api/#knocking-on-rooms}
   */
  knock(request: OwnRequest): Promise<SentEvent> {
    return this.#change({ ...request, target: request.requester.userId }, 'knock', (current) => {
      const isRepeated = membershipOf(current) === 'knock' && current!.pdu.content['reason'] === request.reason
      return isRepeated ? { eventId: current!.eventId, existing: true } : undefined
    })
  }

  /** Leaves, takes a knock back, or rejects an invitation. */
  leave(request: OwnRequest): Promise<SentEvent> {
    return this.#change({ ...request, target: request.requester.userId }, 'leave', (current) => {
      const membership = membershipOf(current)
      if (membership === 'join' || membership === 'invite' || membership === 'knock') return undefined
      throw forbidden('You are not in this room')
    })
  }

  /** Invites a user, whose server is asked first if it is another. */
  invite(request: MembershipRequest): Promise<SentEvent> {
    return this.#change(request, 'invite', (current) => {
      const membership = membershipOf(current)
      if (membership === 'join') throw forbidden(`${request.target} is already in the room`)
      if (membership === 'ban') throw forbidden(`${request.target} is banned from the room`)
      return undefined
    })
  }

  /** Makes another user leave. */
  kick(request: MembershipRequest): Promise<SentEvent> {
    return this.#change(request, 'leave', (current) => {
      const membership = membershipOf(current)
      if (membership === 'join' || membership === 'invite' || membership === 'knock') return undefined
      throw forbidden(`${request.target} is not in the room`)
    })
  }

  ban(request: MembershipRequest): Promise<SentEvent> {
    return this.#change(request, 'ban', () => undefined)
  }

  unban(request: MembershipRequest): Promise<SentEvent> {
    return this.#change(request, 'leave', (current) => {
      if (membershipOf(current) !== 'ban') throw forbidden(`${request.target} is not banned`)
      return undefined
    })
  }

  /**
   * Does what a state event of type `m.room.member` asks for: the same as the action of that name.
   *
   * @throws MatrixError M_BAD_JSON for content without a known membership.
   */
  async set(request: MembershipRequest & { readonly content: JsonObject }): Promise<SentEvent> {
    const { membership, reason, ...content } = request.content
    const known = { ...request, content, reason: typeof reason === 'string' ? reason : undefined }
    const isOwn = request.target === request.requester.userId
    switch (membership) {
      case 'join':
        if (!isOwn) throw forbidden('Nobody can join for somebody else')
        return this.#change(known, 'join', (current, changed) => {
          return current && isDeepStrictEqual(current.pdu.content, changed)
            ? { eventId: current.eventId, existing: true }
            : undefined
        })
      case 'invite':
        return this.invite(known)
      case 'ban':
        return this.ban(known)
      case 'knock':
        if (!isOwn) throw forbidden('Nobody can knock for somebody else')
        return this.knock(known)
      case 'leave':
        return this.#leaveForAnyone(known, isOwn)
      default:
        throw badJson('Unknown membership')
    }
  }

  #leaveForAnyone(request: MembershipRequest, isOwn: boolean): Promise<SentEvent> {
    if (isOwn) return this.leave(request)
    return this.#change(request, 'leave', (current) => {
      const membership = membershipOf(current)
      if (membership === undefined || membership === 'leave') throw forbidden(`${request.target} is not in the room`)
      return undefined
    })
  }

  async #change(
    request: MembershipRequest,
    membership: Membership,
    decide: (current: RoomEvent | undefined, changed: JsonObject) => SentEvent | undefined,
  ): Promise<SentEvent> {
    const { requester, target, reason, transaction } = request
    // Who vouches for a user is not for the user to say.
    const { join_authorised_via_users_server: _authorised, ...wanted } = request.content ?? {}
    // A repeated request was carried out, whatever it would come to by now.
    const sent = transaction && (await this.#sender.findSent(transaction))
    if (sent) return sent
    // Read before the room's turn comes: one room takes many joins at once.
    const read = comesIn.has(membership) ? await this.#profiles.memberContent(target) : {}
    const plan = async (draft: RoomDraft): Promise<Plan> => {
      // Who comes in is shown as their profile says, unless they are to be called something else in this room.
      const profile = comesIn.has(membership) ? (this.#profiles.peekMemberContent(target) ?? read) : {}
      const content = { ...profile, ...wanted, membership, ...(reason !== undefined && { reason }) }
      const existing = decide(await draft.find('m.room.member', target), content)
      if (existing) return { existing }
      if (membership === 'join' && requester.isGuest) await requireGuestAccess(draft)
      const authorisation = membership === 'join' ? await this.#restrictedJoins.authorisation(draft, target) : {}
      return [
        {
          type: 'm.room.member',
          stateKey: target,
          sender: requester.userId,
          content: { ...content, ...authorisation },
          ...(transaction && { transaction }),
        },
      ]
    }
    const isElsewhere = membership === 'invite' && serverOf(target) !== this.#serverName
    const changed = await (isElsewhere
      ? this.#sentInvites.send(request.room, plan)
      : this.#sender.sendOne(request.room, plan, [target, requester.userId]))
    if (membership === 'join' && !changed.existing) await this.#settings.carryOver(requester, request.room)
    return changed
  }
}
