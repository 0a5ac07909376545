import {
  forbidden,
  isRoomId,
  MatrixError,
  serverOf,
  type JsonObject,
  type RoomId,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import { creatorsOf, type PowerLevels, type RoomEvent } from '@hearth/rooms'
import type { Store } from '@hearth/store'
import { membershipOf } from './membership-content.ts'
import { powerLevelsIn } from './power-levels-in.ts'
import type { Room } from './room.ts'

/** A room with the state that a join of it is judged by. */
export interface JoinedRoom {
  readonly room: Room
  find(type: string, stateKey: string): Promise<RoomEvent | undefined>
}

/**
 * What comes of the condition for a user's join:
 * - `unneeded`: it does not apply, because of the room or of their membership.
 * - `granted`: it is met, and `by` vouches for them.
 * - `unmet`: they are in none of the rooms.
 * - `unknown`: they may be in one of the rooms that this server is not in.
 * - `nobody`: it is met, but no user of this server may let them in.
 */
type Condition =
  { readonly kind: 'unneeded' | 'unmet' | 'unknown' | 'nobody' } | { readonly kind: 'granted'; readonly by: UserId }

/** A user meets a condition for joining a room, but only a user of another server can let them in. */
export class NobodyMayLetIn extends MatrixError {
  constructor() {
    super('M_FORBIDDEN', 'Nobody on this server may let you into this room')
  }
}

/**
 * Joins of rooms that let the members of other rooms in: whether a user is a member of one, and which member of the room
 * vouches for them.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms}
 */
export class RestrictedJoins {
  readonly #store: Store
  readonly #serverName: ServerName

  constructor(deps: { store: Store; serverName: ServerName }) {
    this.#store = deps.store
    this.#serverName = deps.serverName
  }

  /**
   * What the join of a user of this server has to say to be let in: the member who authorises it, where it takes one.
   *
   * @throws MatrixError M_FORBIDDEN where a condition is needed and none is met; NobodyMayLetIn, which is one too, where one
   *   is and nobody here can authorise the join.
   */
  async authorisation(room: JoinedRoom, userId: UserId): Promise<JsonObject> {
    const condition = await this.#check(room, userId)
    if (condition.kind === 'nobody') throw new NobodyMayLetIn()
    return authorisedBy(condition)
  }

  /**
   * The same for a user of another server, which is told when it had better ask a third one.
   * {@link https://spec.matrix.org/v1.19/server-server-api/#restricted-rooms}
   *
   * @throws MatrixError M_FORBIDDEN; M_UNABLE_TO_AUTHORISE_JOIN where this server cannot tell whether a condition is met;
   *   M_UNABLE_TO_GRANT_JOIN where one is, and nobody here can authorise the join.
   */
  async authorisationOfRemote(room: JoinedRoom, userId: UserId): Promise<JsonObject> {
    const condition = await this.#check(room, userId)
    if (condition.kind === 'unknown') {
      throw new MatrixError(
        'M_UNABLE_TO_AUTHORISE_JOIN',
        'This server is not in all of the rooms whose members may join',
      )
    }
    if (condition.kind === 'nobody') {
      throw new MatrixError('M_UNABLE_TO_GRANT_JOIN', 'Nobody on this server may let users into this room')
    }
    return authorisedBy(condition)
  }

  async #check(room: JoinedRoom, userId: UserId): Promise<Condition> {
    const { version } = room.room
    const rules = (await room.find('m.room.join_rules', ''))?.pdu.content ?? {}
    const { join_rule: rule } = rules
    if (typeof rule !== 'string' || !version.joinRules.byAuthorisation.includes(rule)) return { kind: 'unneeded' }
    const membership = membershipOf(await room.find('m.room.member', userId))
    // To these the condition does not apply; those who are banned are refused by the room's rules.
    if (membership === 'join' || membership === 'invite' || membership === 'ban') return { kind: 'unneeded' }
    const allowed = allowedRooms(rules)
    if (!(await this.#isInOneOf(allowed, userId))) {
      // All rooms of its own users a server is in itself.
      const isKnown = serverOf(userId) === this.#serverName || (await this.#isInAllOf(allowed))
      return { kind: isKnown ? 'unmet' : 'unknown' }
    }
    const by = await this.#whoMayInvite(room)
    return by === undefined ? { kind: 'nobody' } : { kind: 'granted', by }
  }

  async #isInOneOf(roomIds: ReadonlySet<RoomId>, userId: UserId): Promise<boolean> {
    const { stateKeys, rooms, currentState } = this.#store
    const stateKeyNid = roomIds.size === 0 ? undefined : await stateKeys.find(userId)
    if (stateKeyNid === undefined) return false
    const rows = await rooms.findAll([...roomIds])
    const memberships = await currentState.findMemberships(
      rows.map(({ nid }) => nid),
      stateKeyNid,
    )
    return [...memberships.values()].includes('join')
  }

  async #isInAllOf(roomIds: ReadonlySet<RoomId>): Promise<boolean> {
    const { rooms, roomServers, servers } = this.#store
    const rows = await rooms.findAll([...roomIds])
    if (rows.length < roomIds.size) return false
    const nids = rows.map(({ nid }) => nid)
    const joined = await roomServers.listJoinedAmong(nids, await servers.intern(this.#serverName))
    return joined.size === nids.length
  }

  /** A joined user of this server who may invite: those whom the room names first. */
  async #whoMayInvite(room: JoinedRoom): Promise<UserId | undefined> {
    const { version } = room.room
    const create = await room.find('m.room.create', '')
    const powerLevels = await room.find('m.room.power_levels', '')
    const levels = powerLevelsIn(version, create, powerLevels)
    const named = [
      ...(create ? creatorsOf(version, create) : []),
      ...Object.keys(powerLevels?.pdu.content['users'] ?? {}),
    ]
    for (const userId of named) {
      if (this.#mayInvite(userId, levels) && membershipOf(await room.find('m.room.member', userId)) === 'join') {
        return userId as UserId
      }
    }
    // Nobody else has more power than anybody.
    if (levels.level('users_default') < levels.level('invite')) return undefined
    const { localMemberships, users } = this.#store
    const members = await localMemberships.listByRoom(room.room.nid, ['join'])
    const userIds = await users.keysOf(members.map(({ userNid }) => userNid))
    return [...userIds.values()].find((userId) => this.#mayInvite(userId, levels))
  }

  #mayInvite(userId: string, levels: PowerLevels): boolean {
    return serverOf(userId) === this.#serverName && levels.of(userId) >= levels.level('invite')
  }
}

function authorisedBy(condition: Condition): JsonObject {
  if (condition.kind === 'granted') return { join_authorised_via_users_server: condition.by }
  if (condition.kind === 'unneeded') return {}
  throw forbidden('You are in none of the rooms whose members may join this one')
}

/** The rooms of which a member may join, by the content of `m.room.join_rules`. Conditions of other kinds are never met. */
export function allowedRooms({ allow }: JsonObject): ReadonlySet<RoomId> {
  const rooms = new Set<RoomId>()
  for (const condition of Array.isArray(allow) ? allow : []) {
    const { type, room_id: roomId } = (condition ?? {}) as JsonObject
    if (type === 'm.room_membership' && typeof roomId === 'string' && isRoomId(roomId)) rooms.add(roomId)
  }
  return rooms
}
