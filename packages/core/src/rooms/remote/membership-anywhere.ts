import { MatrixError, serverOf, type JsonObject, type RoomId, type ServerName, type UserId } from '@hearth/protocol'
import type { Pdu } from '@hearth/rooms'
import type { ClientTransaction, Store } from '@hearth/store'
import type { Profiles } from '../../profiles/profiles.ts'
import type { LocalUser } from '../../requester.ts'
import type { MembershipActions } from '../membership.ts'
import { NobodyMayLetIn } from '../restricted-joins.ts'
import type { Room } from '../room.ts'
import type { RoomRegistry } from '../room-registry.ts'
import type { RoomSettings } from '../upgrade/room-settings.ts'
import type { RemoteJoins } from './remote-joins.ts'
import type { RemoteKnocks } from './remote-knocks.ts'
import type { RemoteLeaves } from './remote-leaves.ts'
import { candidateServers } from './resident-servers.ts'

/** A local user's wish to come into a room. */
export interface EntryRequest {
  readonly requester: LocalUser
  readonly roomId: RoomId
  /** Servers that may be in the room. */
  readonly via?: readonly string[] | undefined
  readonly reason?: string | undefined
  /** Further content of the member event. */
  readonly content?: JsonObject | undefined
  /** For a room that this server is in: the client's transaction. */
  readonly transaction?: ClientTransaction | undefined
}

/** A local user's wish to have no more to do with a room. */
export type ExitRequest = Pick<EntryRequest, 'requester' | 'roomId' | 'reason' | 'transaction'>

export interface MembershipAnywhereDeps {
  readonly store: Store
  readonly rooms: RoomRegistry
  readonly membership: MembershipActions
  readonly joins: RemoteJoins
  readonly knocks: RemoteKnocks
  readonly leaves: RemoteLeaves
  readonly profiles: Pick<Profiles, 'memberContent'>
  readonly settings: RoomSettings
  readonly serverName: ServerName
}

/** Joins of a room by several users wait for one another: each may find that it is one that this server is in by now. */
const maxTurns = 5

/** Joining, knocking on and leaving rooms, wherever they are: of rooms that this server is in, here; of others, there. */
export class MembershipAnywhere {
  readonly #deps: MembershipAnywhereDeps

  constructor(deps: MembershipAnywhereDeps) {
    this.#deps = deps
  }

  /**
   * Joins; joining twice changes nothing.
   *
   * @throws MatrixError what the rules of the room or the servers in it refuse, M_NOT_FOUND where none is known.
   */
  async join({ requester, roomId, via, reason, content, transaction }: EntryRequest): Promise<void> {
    const { joins, membership, settings } = this.#deps
    for (let turn = 0; turn < maxTurns; turn += 1) {
      const room = await this.findInside(roomId)
      if (room !== undefined) {
        try {
          await membership.join({ requester, room, reason, content, transaction })
        } catch (error) {
          if (!(error instanceof NobodyMayLetIn)) throw error
          await this.#joinThroughOther(room, { requester, roomId, via, reason, content })
        }
        return
      }
      // Whether guests may come in is known to those inside.
      if (requester.isGuest)
        throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests cannot join rooms of other servers')
      await joins.join({
        userId: requester.userId,
        roomId,
        servers: await this.#candidates(requester, roomId, via),
        content: await this.#contentOf(requester.userId, { reason, content }),
      })
      const joined = await this.findInside(roomId)
      if (joined !== undefined) await settings.carryOver(requester, joined)
    }
    throw new MatrixError('M_LIMIT_EXCEEDED', 'The room is busy', { fields: { retry_after_ms: 1_000 } })
  }

  /** Joins a room that this server is in, where somebody of another server has to let the user in. */
  async #joinThroughOther(room: Room, { requester, roomId, via, reason, content }: EntryRequest): Promise<void> {
    const { joins, settings } = this.#deps
    const servers = await this.#candidates(requester, roomId, via)
    const wanted = await this.#contentOf(requester.userId, { reason, content })
    await joins.joinInside({ userId: requester.userId, roomId, servers, content: wanted })
    await settings.carryOver(requester, room)
  }

  /** Asks to be let in. @throws as {@link join}. */
  async knock({ requester, roomId, via, reason, content }: EntryRequest): Promise<void> {
    const room = await this.findInside(roomId)
    if (room !== undefined) {
      await this.#deps.membership.knock({ requester, room, reason, content })
      return
    }
    const servers = await this.#candidates(requester, roomId, via)
    await this.#deps.knocks.knock(
      requester,
      roomId,
      servers,
      await this.#contentOf(requester.userId, { reason, content }),
    )
  }

  /** Leaves, takes a knock back, or rejects an invitation. @throws MatrixError M_NOT_FOUND, M_FORBIDDEN. */
  async leave({ requester, roomId, reason, transaction }: ExitRequest): Promise<void> {
    const room = await this.findInside(roomId)
    if (room === undefined) await this.#deps.leaves.leave(requester, roomId, reason)
    else await this.#deps.membership.leave({ requester, room, reason, transaction })
  }

  /** A room of which this server knows all that happens; undefined for others, those that it was in once among them. */
  async findInside(roomId: RoomId): Promise<Room | undefined> {
    const { rooms, store, serverName } = this.#deps
    const room = await rooms.find(roomId)
    if (room === undefined) return undefined
    return (await store.roomServers.isInside(room.nid, await store.servers.intern(serverName))) ? room : undefined
  }

  /** Whom to ask: those that the user names, those that told of the room, those that were in it. */
  async #candidates({ userNid }: LocalUser, roomId: RoomId, via: readonly string[] = []): Promise<ServerName[]> {
    const { store, serverName } = this.#deps
    const row = await store.rooms.find(roomId)
    if (row === undefined) return candidateServers(roomId, via, serverName)
    const [outside, resident] = await Promise.all([
      store.outsideMemberships.find(userNid, row.nid),
      store.roomServers.listJoined(row.nid),
    ])
    const told = outside === undefined ? [] : [outside.resident, serverOf((JSON.parse(outside.json) as Pdu).sender)]
    return candidateServers(roomId, [...via, ...told, ...resident], serverName)
  }

  /** What the member event of somebody who comes in says besides the membership. */
  async #contentOf(userId: UserId, { reason, content }: Pick<EntryRequest, 'reason' | 'content'>): Promise<JsonObject> {
    const profile = await this.#deps.profiles.memberContent(userId)
    // Who vouches for a user is not for the user to say.
    const { join_authorised_via_users_server: _authorised, membership: _membership, ...wanted } = content ?? {}
    return { ...profile, ...wanted, ...(reason !== undefined && { reason }) }
  }
}
