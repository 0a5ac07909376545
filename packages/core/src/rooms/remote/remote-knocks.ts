import type { SigningKey } from '@hearth/crypto'
import { notFound, type JsonObject, type RoomId, type ServerName } from '@hearth/protocol'
import { findRoomVersion, roomVersions } from '@hearth/rooms'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { LocalUser } from '../../requester.ts'
import type { OutsideMembershipChanges } from './outside-membership-changes.ts'
import { strippedOf } from './outside-state.ts'
import { ownMemberEvent } from './own-member-event.ts'
import { isRemoteFailure, refusalOf, UnusableAnswer } from './remote-refusal.ts'
import type { ResidentServers } from './resident-servers.ts'

export interface RemoteKnocksDeps {
  readonly store: Store
  readonly servers: ResidentServers
  readonly memberships: OutsideMembershipChanges
  readonly serverName: ServerName
  readonly signingKey: () => SigningKey
  readonly clock: Clock
}

/** How long a server may take, in milliseconds: a person waits, and others may be asked. */
const KNOCK_MS = 20_000

const knowsKnocking = Object.values(roomVersions)
  .filter(({ joinRules }) => joinRules.knockable.length > 0)
  .map(({ id }) => id)

/**
 * Knocks on rooms that this server is not in.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#knocking-upon-a-room}
 */
export class RemoteKnocks {
  readonly #deps: RemoteKnocksDeps

  constructor(deps: RemoteKnocksDeps) {
    this.#deps = deps
  }

  /**
   * Knocks at the first of the servers that lets the user.
   *
   * @param content of the member event, without the membership.
   * @throws MatrixError what the servers refuse with, M_NOT_FOUND where none is known that is in the room.
   */
  async knock(
    requester: LocalUser,
    roomId: RoomId,
    servers: readonly ServerName[],
    content: JsonObject,
  ): Promise<void> {
    const errors: unknown[] = []
    for (const server of servers) {
      try {
        return await this.#knockAt(server, requester, roomId, content)
      } catch (error) {
        if (!isRemoteFailure(error)) throw error
        errors.push(error)
      }
    }
    throw refusalOf(errors) ?? notFound('No server is known that is in this room')
  }

  async #knockAt(
    server: ServerName,
    { userId, userNid }: LocalUser,
    roomId: RoomId,
    content: JsonObject,
  ): Promise<void> {
    const { store, servers, memberships, serverName, signingKey, clock } = this.#deps
    const options = { deadlineMs: KNOCK_MS, ignoreBackOff: true }
    const template = await servers.makeKnock(server, roomId, userId, knowsKnocking, options)
    const version = findRoomVersion(template.room_version)
    const event =
      version &&
      ownMemberEvent(
        version,
        template.event,
        { roomId, userId, membership: 'knock', content },
        { serverName, signingKey: signingKey(), now: clock.now() },
      )
    if (event === undefined) throw new UnusableAnswer(`${server} proposes a knock that is none`)
    const told = await servers.sendKnock(server, roomId, event.eventId, event.pdu, options)
    const { nid: roomNid } = await store.rooms.intern(roomId, version!.id)
    await memberships.set({
      userNid,
      roomNid,
      membership: 'knock',
      eventId: event.eventId,
      json: event.json,
      resident: server,
      stripped: JSON.stringify(strippedOf(told)),
    })
  }
}
