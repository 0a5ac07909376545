import { forbidden, notFound, serverOf, type JsonObject, type RoomId } from '@hearth/protocol'
import { buildEvent, findRoomVersion, referenceTo, type BuiltEvent, type Pdu, type RoomVersion } from '@hearth/rooms'
import type { Logger } from '@hearth/runtime'
import type { OutsideMembershipRow, RoomRow, Store } from '@hearth/store'
import type { LocalUser } from '../../requester.ts'
import type { OutsideMembershipChanges } from './outside-membership-changes.ts'
import { leaveThrough, type RemoteLeaveDeps } from './leave-through.ts'
import { isRemoteFailure } from './remote-refusal.ts'
import { candidateServers } from './resident-servers.ts'

export interface RemoteLeavesDeps extends RemoteLeaveDeps {
  readonly store: Store
  readonly memberships: OutsideMembershipChanges
  readonly logger: Logger
}

/** How long all servers together may take, in milliseconds: the user is out of the room in any case. */
const LEAVE_MS = 15_000
const ONE_SERVER_MS = 8_000

/**
 * Rejects invitations into rooms that this server is not in, and takes knocks back.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#leaving-rooms-rejecting-invites}
 */
export class RemoteLeaves {
  readonly #deps: RemoteLeavesDeps

  constructor(deps: RemoteLeavesDeps) {
    this.#deps = deps
  }

  /**
   * Leaves. The servers in the room are told; where none can be reached or wants to hear it, the user leaves nevertheless.
   *
   * @throws MatrixError M_NOT_FOUND for a room that this server knows nothing of, M_FORBIDDEN where the user is neither invited nor has knocked.
   */
  async leave(requester: LocalUser, roomId: RoomId, reason?: string): Promise<void> {
    const { store, memberships } = this.#deps
    const room = await store.rooms.find(roomId)
    if (room === undefined) throw notFound('Unknown room')
    const row = await this.#current(requester, room)
    if (row === undefined) throw forbidden('You are not in this room')
    const version = findRoomVersion(room.version)!
    const content = reason === undefined ? {} : { reason }
    const event =
      (await this.#tellServers(requester, row, version, content)) ?? this.#alone(requester, row, version, content)
    await memberships.set({
      userNid: requester.userNid,
      roomNid: row.roomNid,
      membership: 'leave',
      eventId: event.eventId,
      json: event.json,
      resident: row.resident,
      stripped: '[]',
    })
  }

  /** What the user is to leave. */
  async #current({ userNid }: LocalUser, room: RoomRow): Promise<OutsideMembershipRow | undefined> {
    const { store } = this.#deps
    const [local, outside] = await Promise.all([
      store.localMemberships.find(userNid, room.nid),
      store.outsideMemberships.find(userNid, room.nid),
    ])
    if (outside === undefined || local?.nid !== outside.nid) return undefined
    return outside.membership === 'invite' || outside.membership === 'knock' ? outside : undefined
  }

  async #tellServers(
    { userId }: LocalUser,
    { roomId, resident, json }: OutsideMembershipRow,
    version: RoomVersion,
    content: JsonObject,
  ): Promise<BuiltEvent | undefined> {
    const { serverName, clock, logger } = this.#deps
    const { sender } = JSON.parse(json) as Pdu
    const until = clock.monotonic() + LEAVE_MS
    for (const server of candidateServers(roomId, [resident, serverOf(sender)], serverName)) {
      const deadlineMs = Math.min(until - clock.monotonic(), ONE_SERVER_MS)
      if (deadlineMs <= 0) break
      try {
        return await leaveThrough(server, { roomId, userId, version, content }, { deadlineMs }, this.#deps)
      } catch (error) {
        if (!isRemoteFailure(error)) throw error
        logger.info('a server was not told that a user leaves a room', { error, server, roomId })
      }
    }
    return undefined
  }

  /** The event with which a user leaves whom no server in the room hears: on what they leave, and known here alone. */
  #alone(
    { userId }: LocalUser,
    { roomId, json, eventId }: OutsideMembershipRow,
    version: RoomVersion,
    content: JsonObject,
  ): BuiltEvent {
    const { serverName, signingKey, clock } = this.#deps
    const pdu = JSON.parse(json) as Pdu
    const reference = referenceTo(version, { eventId, pdu })
    return buildEvent(
      version,
      {
        type: 'm.room.member',
        sender: userId,
        state_key: userId,
        room_id: roomId,
        content: { ...content, membership: 'leave' },
        depth: Math.min(pdu.depth + 1, Number.MAX_SAFE_INTEGER),
        origin_server_ts: clock.now(),
        prev_events: [reference],
        auth_events: [reference],
      },
      { serverName, signingKey: signingKey() },
    )
  }
}
