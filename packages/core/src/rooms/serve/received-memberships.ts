import type { SigningKey } from '@hearth/crypto'
import {
  badJson,
  forbidden,
  invalidParam,
  isJsonObject,
  serverOf,
  type JsonObject,
  type RoomId,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import { addSignature, redact, type Pdu, type RoomEvent } from '@hearth/rooms'
import { eventFlags, type StateMap, type Store } from '@hearth/store'
import type { KeyRing } from '../../keys/key-ring.ts'
import { identifyingState } from '../identifying-state.ts'
import { membershipOf } from '../membership-content.ts'
import { checkFormat } from '../receive/check-format.ts'
import type { EventReceiver } from '../receive/event-receiver.ts'
import type { PduVerifier } from '../receive/pdu-verifier.ts'
import type { VerifiedEvent } from '../receive/verified-event.ts'
import type { RestrictedJoins } from '../restricted-joins.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import type { TemplateMembership } from './membership-templates.ts'
import type { ResidentRooms } from './resident-rooms.ts'

export interface MembershipSubmission {
  readonly origin: ServerName
  readonly roomId: RoomId
  /** What the server calls the event. */
  readonly eventId: string
  /** The event, as it came. */
  readonly pdu: JsonObject
  /** What it has to be. */
  readonly membership: TemplateMembership
}

/** A member event that is part of its room now. */
export interface ReceivedMembership extends VerifiedEvent {
  readonly room: Room
  /** The room's state before it. */
  readonly stateBefore: StateMap
}

/**
 * Takes the member events with which users of other servers come into a room, leave it, or ask to be let in: checked as
 * every event is, committed before the answer, and sent on to the room's other servers by this one.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#joining-rooms}
 */
export class ReceivedMemberships {
  readonly #deps: {
    readonly store: Store
    readonly events: RoomEvents
    readonly residentRooms: ResidentRooms
    readonly restrictedJoins: RestrictedJoins
    readonly verifier: PduVerifier
    readonly keyRing: KeyRing
    readonly receiver: EventReceiver
    readonly serverName: ServerName
    readonly signingKey: SigningKey
  }

  constructor(deps: {
    store: Store
    events: RoomEvents
    residentRooms: ResidentRooms
    restrictedJoins: RestrictedJoins
    verifier: PduVerifier
    keyRing: KeyRing
    receiver: EventReceiver
    serverName: ServerName
    signingKey: SigningKey
  }) {
    this.#deps = deps
  }

  /**
   * Takes an event into its room. Taking it twice does no harm, and comes to the same.
   *
   * @throws MatrixError M_NOT_FOUND for a room that this server is not in; M_BAD_JSON for what is no event, M_INVALID_PARAM for
   *   what is not the event that was announced, or builds on events that are not known here; M_FORBIDDEN for one that is not signed, not by a user of the
   *   origin, or refused by the room's rules; M_UNABLE_TO_AUTHORISE_JOIN, M_UNABLE_TO_GRANT_JOIN.
   */
  async take(submission: MembershipSubmission): Promise<ReceivedMembership> {
    const { origin, roomId } = submission
    const room = await this.#deps.residentRooms.get(roomId, origin)
    const announced = await this.#checkShape(room, submission)
    const known = await this.#findTaken(room, announced)
    if (known) return known
    const verified = await this.#verify(room, await this.#withOwnSignature(room, announced))
    const placed = await this.#deps.receiver.receiveOne(room, { ...verified, outgoing: true, mustBeCurrent: true })
    switch (placed.kind) {
      case 'accepted': {
        const stateBefore = await this.#deps.store.states.load(room.nid, placed.stateBeforeNid)
        return { ...verified, room, stateBefore }
      }
      case 'incomplete':
        throw invalidParam('The event builds on events that are not known here')
      case 'known': {
        // Another request was faster.
        const taken = await this.#findTaken(room, announced)
        if (taken) return taken
        throw forbidden('The event was refused before')
      }
      default:
        throw forbidden(placed.reason)
    }
  }

  /**
   * Takes a knock, and gives what its user is told of the room meanwhile: whole events, `m.room.create` first.
   *
   * @throws MatrixError as {@link take}.
   */
  async takeKnock(submission: Omit<MembershipSubmission, 'membership'>): Promise<Pdu[]> {
    const { stateBefore } = await this.take({ ...submission, membership: 'knock' })
    return (await identifyingState(this.#deps.events, stateBefore)).map(({ pdu }) => pdu)
  }

  /** What says itself what it is, before anybody's signature is looked at. */
  async #checkShape(
    room: Room,
    { origin, roomId, eventId, pdu, membership }: MembershipSubmission,
  ): Promise<RoomEvent> {
    const wellFormed = checkFormat(room.version, pdu)
    if ('fault' in wellFormed) {
      // Other servers expect to be told first that nobody has signed it.
      if (!(await this.#isSigned(room, origin, pdu))) throw forbidden('The event is not signed by your server')
      throw badJson(wellFormed.fault)
    }
    const { event } = wellFormed
    if (wellFormed.roomId !== roomId) throw invalidParam('The event is of another room')
    if (event.eventId !== eventId) throw invalidParam('The event has another id')
    const { sender, state_key: stateKey } = event.pdu
    if (membershipOf(event) !== membership) throw invalidParam(`The event is no ${membership}`)
    if (stateKey !== sender) throw invalidParam('The event is not about its sender')
    if (serverOf(sender) !== origin) throw forbidden('The event is by a user of another server')
    return event
  }

  /** The event if it was taken before: the answer to that may have been lost. */
  async #findTaken(room: Room, { eventId }: RoomEvent): Promise<ReceivedMembership | undefined> {
    const { store, events } = this.#deps
    const [row] = await store.events.findByIds([eventId])
    if (!row || row.roomNid !== room.nid || row.stateNid === null) return undefined
    if ((row.flags & (eventFlags.rejected | eventFlags.softFailed)) !== 0) {
      throw forbidden('The event was refused before')
    }
    const stateBefore = await store.states.loadBefore(room.nid, row.nid)
    return { room, stateBefore, event: events.parse(row), json: row.json }
  }

  /**
   * The event as it will be: a join that a user of this server authorises takes this server's signature, provided that it
   * is to be authorised.
   */
  async #withOwnSignature(room: Room, event: RoomEvent): Promise<RoomEvent> {
    const { restrictedJoins, events, serverName, signingKey } = this.#deps
    const { version } = room
    if (membershipOf(event) !== 'join' || version.joinRules.byAuthorisation.length === 0) return event
    const find = (type: string, stateKey: string) => events.findState(room.head.state, type, stateKey)
    await restrictedJoins.authorisationOfRemote({ room, find }, event.pdu.sender as UserId)
    const authorisedBy = event.pdu.content['join_authorised_via_users_server']
    if (typeof authorisedBy !== 'string') return event
    if (!authorisedBy.endsWith(`:${serverName}`)) throw invalidParam('The join is to be authorised by another server')
    return addSignature(version, event, { serverName, signingKey })
  }

  /** Whether a server has signed what it took for an event. */
  async #isSigned({ version }: Room, server: ServerName, pdu: JsonObject): Promise<boolean> {
    if (typeof pdu['type'] !== 'string' || !isJsonObject(pdu['content'])) return false
    const numbers = version.strictCanonicalJson ? 'strict' : 'legacy'
    return (await this.#deps.keyRing.verifyJson(server, redact(version, pdu as Pdu), { numbers })) === 'valid'
  }

  async #verify(room: Room, { pdu }: RoomEvent): Promise<VerifiedEvent> {
    const verdict = await this.#deps.verifier.verify(room.version, pdu)
    if (!verdict.valid) throw forbidden(verdict.reason)
    return { event: verdict.event, json: verdict.json }
  }
}
