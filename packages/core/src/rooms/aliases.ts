import {
  forbidden,
  invalidParam,
  isRoomAlias,
  isRoomId,
  MatrixError,
  notFound,
  parseRoomAlias,
  serverOf,
  type JsonObject,
  type RoomAlias,
  type RoomId,
} from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { RemoteAliases } from '../remote-lookups/remote-aliases.ts'
import type { Requester } from '../requester.ts'
import { powerLevelsIn } from './power-levels-in.ts'
import type { Room } from './room.ts'
import type { RoomAccess } from './room-access.ts'
import type { RoomEvents } from './room-events.ts'
import type { RoomRegistry } from './room-registry.ts'
import type { EventSender } from './send/event-sender.ts'

/** How many aliases one user may keep: nobody is to take every good name, nor to fill the table. */
const maxAliasesOfUser = 1_000
/** Servers that are told with an alias: nobody tries more of them. */
const maxServersShown = 100

/**
 * The names of rooms: those on this server, which are compared without regard to case, and those that other servers are
 * asked for.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#room-aliases}
 */
export class Aliases {
  readonly #deps: {
    readonly store: Store
    readonly rooms: RoomRegistry
    readonly events: RoomEvents
    readonly access: RoomAccess
    readonly sender: EventSender
    readonly remoteAliases: Pick<RemoteAliases, 'resolve'>
    readonly serverName: string
    readonly clock: Clock
  }

  constructor(deps: {
    store: Store
    rooms: RoomRegistry
    events: RoomEvents
    access: RoomAccess
    sender: EventSender
    remoteAliases: Pick<RemoteAliases, 'resolve'>
    serverName: string
    clock: Clock
  }) {
    this.#deps = deps
  }

  /** The alias of this server with that localpart. @throws MatrixError M_INVALID_PARAM where there can be none. */
  localAlias(localpart: string): RoomAlias {
    const alias = `#${localpart}:${this.#deps.serverName}`
    if (/[:\s]/u.test(localpart) || localpart === '' || !isRoomAlias(alias))
      throw invalidParam('Not a valid room alias')
    return alias
  }

  /**
   * Whether somebody may make an alias, before what it is for is made.
   *
   * @throws MatrixError M_ROOM_IN_USE for one that is taken, M_USER_LIMIT_EXCEEDED for somebody who has more than enough.
   */
  async checkFree(alias: RoomAlias, requester: Requester): Promise<void> {
    if (await this.#deps.store.roomAliases.find(alias)) throw inUse(alias)
    await this.#checkLimit(requester)
  }

  /**
   * The room of an alias, and servers through which it can be joined: the first ones are the best.
   *
   * @throws MatrixError M_NOT_FOUND where there is none, 502 where its server gives no answer.
   */
  async resolve(alias: RoomAlias, { isCurrent = false } = {}): Promise<{ roomId: RoomId; servers: string[] }> {
    if (this.#isLocal(alias)) return this.resolveLocal(alias)
    const { roomId, servers } = await this.#deps.remoteAliases.resolve(alias, { isCurrent })
    const room = await this.#deps.rooms.find(roomId)
    return { roomId, servers: this.#ownFirst([...(room ? await this.#serversIn(room) : []), ...servers]) }
  }

  /** The room of an alias of this server. @throws MatrixError M_NOT_FOUND where there is none. */
  async resolveLocal(alias: RoomAlias): Promise<{ roomId: RoomId; servers: string[] }> {
    const row = this.#isLocal(alias) ? await this.#deps.store.roomAliases.find(alias) : undefined
    const room = row && (await this.#deps.rooms.findByNid(row.roomNid))
    if (!room) throw notFound('Room alias not found')
    const servers = await this.#serversIn(room)
    // Of a room that everybody has left, this server still knows how to join it.
    return { roomId: room.id, servers: servers.length > 0 ? this.#ownFirst(servers) : [this.#deps.serverName] }
  }

  /**
   * The room that a client means by an id or an alias, with servers to join it through where an alias names some.
   *
   * @throws MatrixError M_INVALID_PARAM for what is neither, and as {@link resolve}.
   */
  async find(roomIdOrAlias: string): Promise<{ roomId: RoomId; servers: string[] }> {
    if (isRoomId(roomIdOrAlias)) return { roomId: roomIdOrAlias, servers: [] }
    if (!isRoomAlias(roomIdOrAlias)) throw invalidParam('Neither a room id nor a room alias')
    return this.resolve(roomIdOrAlias, { isCurrent: true })
  }

  /** The room alone: see {@link find}. */
  async roomIdOf(roomIdOrAlias: string): Promise<RoomId> {
    return (await this.find(roomIdOrAlias)).roomId
  }

  /**
   * Gives a room a name.
   *
   * @throws MatrixError M_INVALID_PARAM for aliases of other servers, M_ROOM_IN_USE with 409 for a taken one,
   *   M_USER_LIMIT_EXCEEDED for somebody who has made more than enough.
   */
  async add(alias: RoomAlias, room: Room, requester: Requester): Promise<void> {
    if (!this.#isLocal(alias)) throw invalidParam('Aliases of other servers are made there')
    await this.#checkLimit(requester)
    const inserted = await this.#deps.store.roomAliases.insert({
      alias,
      roomNid: room.nid,
      creatorNid: requester.userNid,
      createdTs: this.#deps.clock.now(),
    })
    if (!inserted) throw inUse(alias, 409)
  }

  /**
   * Names an existing room.
   *
   * @throws MatrixError M_FORBIDDEN for those who are not in it and do not administer the server, and as {@link add}.
   */
  async set(requester: Requester, alias: RoomAlias, roomId: RoomId): Promise<void> {
    const room = await this.#deps.rooms.get(roomId)
    if (!requester.isAdmin) await this.#deps.access.requireJoined(room, requester.userId)
    if (this.#isLocal(alias)) this.localAlias(parseRoomAlias(alias).localpart)
    await this.add(alias, room, requester)
  }

  /**
   * Takes a name away: its maker may, server administrators, and who may change the room's canonical alias. An alias that
   * is gone is not advertised any longer either, if whoever takes it away may say so in the room.
   *
   * @throws MatrixError M_NOT_FOUND, M_FORBIDDEN.
   */
  async remove(requester: Requester, alias: RoomAlias): Promise<void> {
    if (!this.#isLocal(alias)) throw invalidParam('Aliases of other servers are kept there')
    const row = await this.#deps.store.roomAliases.find(alias)
    if (!row) throw notFound('Room alias not found')
    const room = await this.#deps.rooms.findByNid(row.roomNid)
    const isOwner = row.creatorNid === requester.userNid || requester.isAdmin
    if (!isOwner && !(room && (await this.#mayName(requester, room)))) throw forbidden('You may not delete this alias')
    await this.#deps.store.roomAliases.delete(alias)
    if (room) await this.#stopAdvertising(requester, room, alias)
  }

  /**
   * Checks the aliases that a new `m.room.canonical_alias` adds to those of the current one.
   * {@link https://spec.matrix.org/v1.19/client-server-api/#mroomcanonical_alias}
   *
   * @throws MatrixError M_INVALID_PARAM for what is no alias, M_BAD_ALIAS for one that names no room or another one.
   */
  async checkCanonical(room: Room, content: JsonObject, current: JsonObject = {}): Promise<void> {
    const known = new Set(canonicalAliases(current))
    const added = canonicalAliases(content)
      .filter((alias) => !known.has(alias))
      .map((alias) => {
        if (!isRoomAlias(alias)) throw invalidParam(`${alias} is not a room alias`)
        return alias
      })
    const rooms = await this.#deps.store.roomAliases.findRooms(added.filter((alias) => this.#isLocal(alias)))
    for (const alias of added) {
      if (rooms.get(alias) !== room.nid) throw new MatrixError('M_BAD_ALIAS', `${alias} is not an alias of this room`)
    }
  }

  /**
   * A room's names on this server, which are nobody's business but its members'.
   *
   * @throws MatrixError M_FORBIDDEN for those who are not joined, unless all may read the room or they administer the server.
   */
  async list(requester: Requester, room: Room): Promise<RoomAlias[]> {
    const { access } = this.#deps
    if (!requester.isAdmin && !(await access.isWorldReadable(room))) await access.requireJoined(room, requester.userId)
    return this.#deps.store.roomAliases.listByRoom(room.nid)
  }

  async #checkLimit({ userNid }: Requester): Promise<void> {
    if ((await this.#deps.store.roomAliases.countByCreator(userNid)) >= maxAliasesOfUser) {
      throw new MatrixError('M_USER_LIMIT_EXCEEDED', `Nobody may keep more than ${maxAliasesOfUser} aliases`)
    }
  }

  async #stopAdvertising({ userId }: Requester, room: Room, alias: RoomAlias): Promise<void> {
    const type = 'm.room.canonical_alias'
    try {
      await this.#deps.sender.send(room, async (draft) => {
        const current = (await draft.find(type, ''))?.pdu.content
        const content = current && withoutAlias(current, alias)
        return content ? [{ type, stateKey: '', sender: userId, content }] : []
      })
    } catch (error) {
      // The alias is gone, as was asked; the room's rules are about the event alone.
      if (!(error instanceof MatrixError)) throw error
    }
  }

  async #mayName(requester: Requester, room: Room): Promise<boolean> {
    const { events } = this.#deps
    const { state } = room.head
    const levels = powerLevelsIn(
      room.version,
      await events.findState(state, 'm.room.create', ''),
      await events.findState(state, 'm.room.power_levels', ''),
    )
    return levels.of(requester.userId) >= levels.toSend('m.room.canonical_alias', 'state')
  }

  async #serversIn(room: Room): Promise<string[]> {
    return (await this.#deps.store.roomServers.listJoined(room.nid)).slice(0, maxServersShown)
  }

  #ownFirst(servers: readonly string[]): string[] {
    const { serverName } = this.#deps
    const own = servers.includes(serverName) ? [serverName] : []
    return [...new Set([...own, ...servers])].slice(0, maxServersShown)
  }

  #isLocal(alias: RoomAlias): boolean {
    return serverOf(alias) === this.#deps.serverName
  }
}

/** The aliases in the content of an `m.room.canonical_alias`. */
function canonicalAliases({ alias, alt_aliases: alternatives }: JsonObject): string[] {
  const all = [alias, ...(Array.isArray(alternatives) ? alternatives : [])]
  return all.filter((each) => typeof each === 'string').filter((each) => each !== '')
}

/** An `m.room.canonical_alias` without one of its aliases; undefined if it does not have it. */
function withoutAlias(content: JsonObject, alias: RoomAlias): JsonObject | undefined {
  const isGone = (value: unknown): boolean => typeof value === 'string' && value.toLowerCase() === alias.toLowerCase()
  const { alias: main, alt_aliases: alternatives, ...rest } = content
  const others = Array.isArray(alternatives) ? alternatives.filter((each) => !isGone(each)) : undefined
  if (!isGone(main) && others?.length === (alternatives as unknown[] | undefined)?.length) return undefined
  return {
    ...rest,
    ...(main !== undefined && !isGone(main) && { alias: main }),
    ...(others && others.length > 0 && { alt_aliases: others }),
  }
}

function inUse(alias: RoomAlias, status = 400): MatrixError {
  return new MatrixError('M_ROOM_IN_USE', `${alias} is taken`, { status })
}
