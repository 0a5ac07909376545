import {
  badJson,
  forbidden,
  invalidParam,
  isJsonObject,
  isUserId,
  MatrixError,
  serverOf,
  type EventId,
  type JsonObject,
  type JsonValue,
  type RoomId,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import { addSignature, contentHash, findRoomVersion, type RoomEvent, type RoomVersion } from '@hearth/rooms'
import type { SigningKey } from '@hearth/crypto'
import type { Store } from '@hearth/store'
import type { RoomAcls } from '../room-acls.ts'
import type { RoomRegistry } from '../room-registry.ts'
import type { PduVerifier, VerifiedPdu } from '../receive/pdu-verifier.ts'
import { maxOutsideState, strippedOf } from './outside-state.ts'
import type { OutsideMembershipChanges } from './outside-membership-changes.ts'

/** An invitation as another server brings it. */
export interface ReceivedInvite {
  readonly origin: ServerName
  readonly roomId: RoomId
  readonly eventId: EventId
  /** What the other server says; where it does not (the first version of the endpoint), `1`. */
  readonly roomVersion: string
  readonly event: JsonObject
  /** `invite_room_state`, whatever it is. */
  readonly inviteRoomState: JsonValue | undefined
}

/**
 * Takes invitations of local users by users of other servers: checks that it is one, signs it, and shows it to whom it is
 * for. Where this server is in the room, the event itself follows in a transaction.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room}
 */
export class ReceivedInvites {
  readonly #store: Store
  readonly #rooms: RoomRegistry
  readonly #acls: RoomAcls
  readonly #verifier: PduVerifier
  readonly #memberships: OutsideMembershipChanges
  readonly #serverName: ServerName
  readonly #signingKey: () => SigningKey
  readonly #countInvite: (invited: UserId) => Promise<void>

  /** `countInvite` throws a MatrixError M_LIMIT_EXCEEDED when a user is invited too often. */
  constructor(deps: {
    store: Store
    rooms: RoomRegistry
    acls: RoomAcls
    verifier: PduVerifier
    memberships: OutsideMembershipChanges
    serverName: ServerName
    signingKey: () => SigningKey
    countInvite: (invited: UserId) => Promise<void>
  }) {
    this.#store = deps.store
    this.#rooms = deps.rooms
    this.#acls = deps.acls
    this.#countInvite = deps.countInvite
    this.#verifier = deps.verifier
    this.#memberships = deps.memberships
    this.#serverName = deps.serverName
    this.#signingKey = deps.signingKey
  }

  /**
   * Takes an invitation; resolves to its event with this server's signature. A repetition gives the same again.
   *
   * @throws MatrixError M_INCOMPATIBLE_ROOM_VERSION for a room version that is not known, M_BAD_JSON for what is no event,
   *   M_FORBIDDEN for one that is not signed by the server of its sender, M_INVALID_PARAM for what is no
   *   invitation or tells of the room what cannot be, M_FORBIDDEN for users who cannot be invited and for servers that the
   *   room shuts out; M_LIMIT_EXCEEDED.
   */
  async receive(invite: ReceivedInvite): Promise<JsonObject> {
    const { origin, roomVersion } = invite
    const version = findRoomVersion(roomVersion)
    if (version === undefined) {
      throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', `Room version ${roomVersion} is not supported here`, {
        fields: { room_version: roomVersion },
      })
    }
    const room = await this.#rooms.find(invite.roomId)
    if (room) await this.#acls.check(room, origin)
    const { event } = await this.#verify(version, invite)
    const invited = this.#invitedBy(event, origin)
    await this.#countInvite(invited)
    const told = Array.isArray(invite.inviteRoomState) ? invite.inviteRoomState : []
    if (told.length > maxOutsideState) throw invalidParam('invite_room_state has too many events')
    // Room ids that are hashes make what is told of a room provable.
    if (version.roomIds === 'create-event') await this.#checkState(version, invite.roomId, told)
    const userNid = await this.#findUser(invited)
    const signed = addSignature(version, event, { serverName: this.#serverName, signingKey: this.#signingKey() })
    const { nid: roomNid } = await this.#store.rooms.intern(invite.roomId, version.id)
    await this.#memberships.set({
      userNid,
      roomNid,
      membership: 'invite',
      eventId: event.eventId,
      json: signed.json,
      resident: origin,
      stripped: JSON.stringify(strippedOf(told)),
    })
    return signed.pdu
  }

  async #verify(version: RoomVersion, { roomId, eventId, event }: ReceivedInvite): Promise<VerifiedPdu> {
    const verdict = await this.#verifier.verify(version, event)
    if (!verdict.valid) throw verdict.eventId === undefined ? badJson(verdict.reason) : forbidden(verdict.reason)
    if (verdict.event.eventId !== eventId) throw invalidParam('The event has another id')
    if (verdict.roomId !== roomId) throw invalidParam('The event is of another room')
    if (contentHash(version, verdict.event.pdu) !== verdict.event.pdu.hashes.sha256) {
      throw invalidParam('The content hash of the event is wrong')
    }
    return verdict
  }

  /** Whom an event invites. Nothing else may be signed in this way. */
  #invitedBy({ pdu: { type, sender, state_key: invited, content } }: RoomEvent, origin: ServerName): UserId {
    if (type !== 'm.room.member' || content['membership'] !== 'invite') throw invalidParam('The event is no invitation')
    if (serverOf(sender) !== origin) throw invalidParam('The sender is of another server')
    if (invited === undefined || !isUserId(invited) || serverOf(invited) !== this.#serverName) {
      throw invalidParam('The invited user is not of this server')
    }
    return invited
  }

  async #checkState(version: RoomVersion, roomId: RoomId, told: readonly JsonValue[]): Promise<void> {
    const verdicts = await Promise.all(
      told.map(async (event) => (isJsonObject(event) ? this.#verifier.verify(version, event) : undefined)),
    )
    let hasCreate = false
    for (const verdict of verdicts) {
      if (!verdict?.valid) throw invalidParam('invite_room_state holds an event that is not valid')
      if (verdict.roomId !== roomId) throw invalidParam('invite_room_state holds an event of another room')
      hasCreate ||= verdict.event.pdu.type === 'm.room.create' && verdict.event.pdu.state_key === ''
    }
    if (!hasCreate) throw invalidParam('invite_room_state lacks the create event')
  }

  async #findUser(userId: UserId): Promise<number> {
    const userNid = await this.#store.users.find(userId)
    const account = userNid === undefined ? undefined : await this.#store.accounts.find(userNid)
    if (!account || account.deactivatedTs !== null) throw forbidden('This user cannot be invited')
    return account.userNid
  }
}
