import {
  invalidParam,
  isJsonObject,
  MatrixError,
  serverOf,
  type EventId,
  type JsonObject,
  type RoomAlias,
  type RoomId,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import { findRoomVersion, type RoomVersion } from '@hearth/rooms'
import type { Logger } from '@hearth/runtime'
import type { ClientTransaction } from '@hearth/store'
import type { Profiles } from '../profiles/profiles.ts'
import type { Requester } from '../requester.ts'
import type { Aliases } from './aliases.ts'
import type { ContentRules } from './content-rules.ts'
import type { InviteAddress, InvitedAddress } from './invite-address.ts'
import type { MembershipActions } from './membership.ts'
import type { Room } from './room.ts'
import type { RoomAccess } from './room-access.ts'
import type { RoomDirectory } from './room-directory.ts'
import type { RoomRegistry } from './room-registry.ts'
import type { EventSender } from './send/event-sender.ts'
import type { Proposal } from './send/proposal.ts'

export type Preset = 'private_chat' | 'trusted_private_chat' | 'public_chat'

export interface InitialStateEvent {
  readonly type: string
  readonly stateKey: string
  readonly content: JsonObject
}

/** What a room is to be. Everything may be left out. */
export interface RoomRequest {
  readonly preset?: Preset | undefined
  readonly visibility?: 'public' | 'private' | undefined
  readonly roomVersion?: string | undefined
  readonly aliasLocalpart?: string | undefined
  readonly name?: string | undefined
  readonly topic?: string | undefined
  readonly invite?: readonly UserId[] | undefined
  readonly inviteAddresses?: readonly InvitedAddress[] | undefined
  readonly isDirect?: boolean | undefined
  readonly creationContent?: JsonObject | undefined
  readonly initialState?: readonly InitialStateEvent[] | undefined
  readonly powerLevels?: JsonObject | undefined
  /** What sending events of these types takes, where it is not what it usually does. */
  readonly eventLevels?: Readonly<Record<string, number>> | undefined
  readonly transaction?: ClientTransaction | undefined
}

export interface CreatedRoom {
  readonly roomId: RoomId
  readonly alias?: RoomAlias
}

const maxInvites = 100
/** Each of which its identity server may take its time for. */
const maxInvitedAddresses = 10
const maxInitialState = 250
/** Each waits for a server that may take its time. */
const invitesAtOnce = 10

/**
 * Creates a room with all its first events in one commit.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom}
 */
export class CreateRoom {
  readonly #deps: {
    readonly sender: EventSender
    readonly aliases: Aliases
    readonly directory: RoomDirectory
    readonly rooms: RoomRegistry
    readonly contentRules: ContentRules
    readonly profiles: Pick<Profiles, 'memberContents'>
    readonly membership: Pick<MembershipActions, 'invite'>
    readonly inviteAddress: Pick<InviteAddress, 'invite'>
    readonly access: RoomAccess
    readonly serverName: ServerName
    readonly logger: Logger
    readonly defaultVersion: string
  }

  constructor(deps: {
    sender: EventSender
    aliases: Aliases
    directory: RoomDirectory
    rooms: RoomRegistry
    contentRules: ContentRules
    profiles: Pick<Profiles, 'memberContents'>
    membership: Pick<MembershipActions, 'invite'>
    inviteAddress: Pick<InviteAddress, 'invite'>
    access: RoomAccess
    serverName: ServerName
    logger: Logger
    defaultVersion: string
  }) {
    this.#deps = deps
  }

  /**
   * @throws MatrixError M_UNSUPPORTED_ROOM_VERSION, M_ROOM_IN_USE for a taken alias, M_INVALID_ROOM_STATE where the
   *   options contradict the room's rules, M_BAD_JSON for content that a type of event cannot have, M_INVALID_PARAM.
   */
  async create(requester: Requester, request: RoomRequest): Promise<CreatedRoom> {
    const { sender, aliases, contentRules } = this.#deps
    const version = this.#versionOf(request.roomVersion)
    if ((request.invite?.length ?? 0) > maxInvites) throw invalidParam(`At most ${maxInvites} users can be invited`)
    if ((request.inviteAddresses?.length ?? 0) > maxInvitedAddresses) {
      throw invalidParam(`At most ${maxInvitedAddresses} people can be invited by their addresses`)
    }
    if ((request.initialState?.length ?? 0) > maxInitialState) {
      throw invalidParam(`At most ${maxInitialState} initial state events are taken`)
    }
    const alias = request.aliasLocalpart === undefined ? undefined : aliases.localAlias(request.aliasLocalpart)
    const earlier = request.transaction && (await sender.findSent(request.transaction))
    if (earlier) return this.#existing(requester, request, alias, earlier.eventId)
    if (alias) await aliases.checkFree(alias, requester)

    const profiles = await this.#deps.profiles.memberContents([requester.userId, ...(request.invite ?? [])])
    const isLocal = (userId: UserId): boolean => serverOf(userId) === this.#deps.serverName
    const [create, ...others] = firstEvents(requester.userId, version, request, alias, profiles, isLocal)
    for (const { type, content } of [create!, ...others]) contentRules.check(version, type, content)
    const draft = await sender.draftRoom(version, create!)
    try {
      for (const proposal of others) await draft.append(proposal)
    } catch (error) {
      // The creator may do everything that is consistent, so a refusal means that the options are not.
      if (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN') {
        throw new MatrixError('M_INVALID_ROOM_STATE', error.message)
      }
      throw error
    }
    const sent = await sender.create(draft)
    if (sent[0]?.existing) return this.#existing(requester, request, alias, sent[0].eventId)
    return this.#publish(requester, request, alias, draft.room)
  }

  /** The answer to a repeated request: the room that the first one made, with what the first one may not have come to. */
  async #existing(
    requester: Requester,
    request: RoomRequest,
    alias: RoomAlias | undefined,
    createEventId: EventId,
  ): Promise<CreatedRoom> {
    const { directory, rooms } = this.#deps
    const room = await rooms.get(await directory.roomOfEvent(createEventId))
    return this.#publish(requester, request, alias, room)
  }

  /** Makes a room known by its alias and in the directory. */
  async #publish(
    requester: Requester,
    request: RoomRequest,
    alias: RoomAlias | undefined,
    room: Room,
  ): Promise<CreatedRoom> {
    const { visibility } = request
    const { aliases, directory } = this.#deps
    if (alias) {
      await aliases.add(alias, room, requester).catch(async (error: unknown) => {
        // A repeated request finds that the first one made the alias.
        if ((await aliases.resolve(alias)).roomId !== room.id) throw error
      })
    }
    if (visibility === 'public') await directory.setVisibility(room, 'public')
    await this.#inviteElsewhere(requester, request, room)
    await this.#inviteAddresses(requester, request, room)
    return { roomId: room.id, ...(alias && { alias }) }
  }

  /**
   * Invites the users of other servers, whose servers are asked: for that, the room must be there. It is there as well when
   * one of them does not answer.
   */
  async #inviteElsewhere(requester: Requester, { invite = [], isDirect }: RoomRequest, room: Room): Promise<void> {
    const { membership, access, serverName, logger } = this.#deps
    const elsewhere = [...new Set(invite)].filter((userId) => serverOf(userId) !== serverName)
    const content = isDirect === true ? { is_direct: true } : {}
    const inviteOne = async (target: UserId): Promise<void> => {
      try {
        if ((await access.membershipOf(room, target)) !== undefined) return
        await membership.invite({ requester, room, target, content })
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error
        logger.info('a user of another server could not be invited', { error, roomId: room.id, target })
      }
    }
    for (let start = 0; start < elsewhere.length; start += invitesAtOnce) {
      await Promise.all(elsewhere.slice(start, start + invitesAtOnce).map(inviteOne))
    }
  }

  /** Invites people by their addresses, with the room there whatever comes of it. */
  async #inviteAddresses(requester: Requester, { inviteAddresses = [], isDirect }: RoomRequest, room: Room) {
    const { inviteAddress, logger } = this.#deps
    const content = isDirect === true ? { is_direct: true } : {}
    const outcomes = await Promise.allSettled(
      inviteAddresses.map((invited) => inviteAddress.invite({ requester, room, invited, content })),
    )
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue
      const error = outcome.reason as unknown
      if (!(error instanceof MatrixError)) throw error
      logger.info('nobody could be invited by an address', { error, roomId: room.id })
    }
  }

  #versionOf(id: string | undefined): RoomVersion {
    const version = findRoomVersion(id ?? this.#deps.defaultVersion)
    if (!version) throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', `Room version ${id} is not supported`)
    return version
  }
}

/** The room's first events, in the order that the specification gives. */
function firstEvents(
  creator: UserId,
  version: RoomVersion,
  request: RoomRequest,
  alias: RoomAlias | undefined,
  profiles: ReadonlyMap<UserId, JsonObject>,
  isLocal: (userId: UserId) => boolean,
): Proposal[] {
  const preset = request.preset ?? (request.visibility === 'public' ? 'public_chat' : 'private_chat')
  const invited = [...new Set(request.invite ?? [])].filter((userId) => userId !== creator)
  const state = new Map<string, Proposal>()
  const set = (type: string, content: JsonObject, stateKey = ''): void => {
    const key = `${type}\0${stateKey}`
    state.delete(key)
    state.set(key, { type, stateKey, content, sender: creator })
  }
  set('m.room.power_levels', powerLevels(creator, version, preset, invited, request))
  if (alias) set('m.room.canonical_alias', { alias })
  set('m.room.join_rules', { join_rule: preset === 'public_chat' ? 'public' : 'invite' })
  set('m.room.history_visibility', { history_visibility: 'shared' })
  if (preset !== 'public_chat') set('m.room.guest_access', { guest_access: 'can_join' })
  for (const { type, stateKey, content } of request.initialState ?? []) {
    if (type === 'm.room.create' || type === 'm.room.member') throw invalidParam(`${type} cannot be initial state`)
    set(type, content, stateKey)
  }
  if (request.name !== undefined) set('m.room.name', { name: request.name })
  if (request.topic !== undefined) {
    set('m.room.topic', { topic: request.topic, 'm.topic': { 'm.text': [{ body: request.topic }] } })
  }
  const create: Proposal = {
    type: 'm.room.create',
    stateKey: '',
    sender: creator,
    content: createContent(creator, version, preset, invited, request.creationContent ?? {}),
    ...(request.transaction && { transaction: request.transaction }),
  }
  const memberEvent = (userId: UserId, content: JsonObject): Proposal => ({
    type: 'm.room.member',
    stateKey: userId,
    sender: creator,
    content: { ...profiles.get(userId), ...content },
  })
  const join = memberEvent(creator, { membership: 'join' })
  const invites = invited
    .filter(isLocal)
    .map((userId) =>
      memberEvent(userId, { membership: 'invite', ...(request.isDirect === true && { is_direct: true }) }),
    )
  return [create, join, ...state.values(), ...invites]
}

function createContent(
  creator: UserId,
  version: RoomVersion,
  preset: Preset,
  invited: readonly UserId[],
  creationContent: JsonObject,
): JsonObject {
  const { creator: _creator, room_version: _version, ...rest } = creationContent
  const content: JsonObject = { ...rest, room_version: version.id }
  if (version.creators === 'content') content['creator'] = creator
  if (version.creatorsHaveInfinitePower && preset === 'trusted_private_chat') {
    const given = rest['additional_creators']
    content['additional_creators'] = [...new Set([...(Array.isArray(given) ? given : []), ...invited])]
  }
  return content
}

function powerLevels(
  creator: UserId,
  version: RoomVersion,
  preset: Preset,
  invited: readonly UserId[],
  { powerLevels: override = {}, eventLevels }: RoomRequest,
): JsonObject {
  const users: JsonObject = {}
  if (!version.creatorsHaveInfinitePower) {
    users[creator] = 100
    if (preset === 'trusted_private_chat') for (const userId of invited) users[userId] = 100
  }
  const levels: JsonObject = {
    users,
    users_default: 0,
    events: {
      'm.room.avatar': 50,
      'm.room.canonical_alias': 50,
      'm.room.encryption': 100,
      'm.room.history_visibility': 100,
      'm.room.name': 50,
      'm.room.power_levels': 100,
      'm.room.server_acl': 100,
      'm.room.tombstone': version.creatorsHaveInfinitePower ? 150 : 100,
      ...eventLevels,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    invite: preset === 'public_chat' ? 50 : 0,
    ...override,
  }
  return version.creatorsHaveInfinitePower ? withTombstoneAbove(levels) : levels
}

/** Where creators stand above all levels, closing a room takes more than setting its state, whatever was asked for. */
function withTombstoneAbove(levels: JsonObject): JsonObject {
  const { events, state_default: stateDefault } = levels
  if (!isJsonObject(events) || typeof stateDefault !== 'number') return levels
  const level = events['m.room.tombstone']
  if (typeof level === 'number' && level > stateDefault) return levels
  const above = Math.min(Math.max(150, stateDefault + 1), Number.MAX_SAFE_INTEGER)
  return { ...levels, events: { ...events, 'm.room.tombstone': above } }
}
