import { CanonicalJsonError, verifySignedJson } from '@hearth/crypto'
import {
  badJson,
  forbidden,
  isJsonObject,
  MatrixError,
  serverOf,
  type JsonObject,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import { canonicalEventJson, checkEventSize, redact, type RoomEvent, type RoomVersion } from '@hearth/rooms'
import { identifyingState } from '../identifying-state.ts'
import type { VerifyKeys } from '../receive/check-signatures.ts'
import type { EventReceiver } from '../receive/event-receiver.ts'
import type { VerifiedEvent } from '../receive/verified-event.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import type { EventSender, Planner } from '../send/event-sender.ts'
import type { SentEvent } from '../send/proposal.ts'
import { isRemoteFailure, refusalOf, UnusableAnswer } from './remote-refusal.ts'
import type { ResidentServers } from './resident-servers.ts'

export interface SentInvitesDeps {
  readonly servers: Pick<ResidentServers, 'invite'>
  readonly sender: EventSender
  readonly receiver: Pick<EventReceiver, 'receiveOne'>
  readonly events: RoomEvents
  readonly keys: VerifyKeys
}

/** How long the server of the invited user may take, in milliseconds: the inviting one waits. */
const INVITE_MS = 30_000

/**
 * Invites users of other servers: their server sees the invitation first, and signs it. What happens in the room meanwhile
 * does not wait; the invitation is then a fork of it, as any event of another server may be.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room}
 */
export class SentInvites {
  readonly #deps: SentInvitesDeps

  constructor(deps: SentInvitesDeps) {
    this.#deps = deps
  }

  /**
   * Sends the invitation that a plan decides on.
   *
   * @throws MatrixError what the plan, the room's rules or the other server refuse.
   */
  async send(room: Room, plan: Planner): Promise<SentEvent> {
    const { sender, receiver, events } = this.#deps
    const proposed = await sender.propose(room, plan)
    if ('existing' in proposed) return proposed.existing
    const create = await events.findState(room.head.state, 'm.room.create', '')
    // Nobody else's server could follow it, and it would be told of the room for nothing.
    if (create?.pdu.content['m.federate'] === false) throw forbidden('This room is for users of its own server only')
    const signed = await this.#askToSign(room, proposed)
    const placement = await receiver.receiveOne(room, { ...signed, outgoing: true, mustBeCurrent: true })
    switch (placement.kind) {
      case 'accepted':
      case 'known':
        return { eventId: proposed.event.eventId, existing: false }
      case 'incomplete':
        throw new Error('an event of this server does not fit into its room')
      default:
        throw forbidden(placement.reason)
    }
  }

  async #askToSign(room: Room, { event, json }: VerifiedEvent): Promise<VerifiedEvent> {
    const { servers, events } = this.#deps
    const { state } = room.head
    const { sender, state_key: invited } = event.pdu
    const [told, inviter] = await Promise.all([
      identifyingState(events, state),
      events.findState(state, 'm.room.member', sender),
    ])
    const server = serverOf(invited as UserId)
    try {
      const answer = await servers.invite(
        server,
        room.id,
        event.eventId,
        {
          roomVersion: room.version.id,
          event: JSON.parse(json) as JsonObject,
          inviteRoomState: [...told, ...(inviter ? [inviter] : [])].map(({ pdu }) => pdu),
        },
        { deadlineMs: INVITE_MS, ignoreBackOff: true },
      )
      if (!isCanonical(room.version, answer)) {
        throw badJson(`${server} answered with an event that this room's version does not allow`)
      }
      return await this.#withSignature(room.version, event, server, answer)
    } catch (error) {
      if (!isRemoteFailure(error)) throw error
      throw refusalOf([error]) ?? error
    }
  }

  /** The event with the other server's signature, if that is right. Nothing else of the answer counts. */
  async #withSignature(
    version: RoomVersion,
    event: RoomEvent,
    server: ServerName,
    { signatures: given }: JsonObject,
  ): Promise<VerifiedEvent> {
    const ofServer = isJsonObject(given) && Object.hasOwn(given, server) ? given[server] : undefined
    if (!isJsonObject(ofServer)) throw new UnusableAnswer(`${server} has not signed the invitation`)
    const texts = Object.entries(ofServer).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    const signatures = { ...event.pdu.signatures, [server]: Object.fromEntries(texts) }
    const pdu = { ...event.pdu, signatures }
    const json = canonicalEventJson(version, pdu)
    const fault = checkEventSize(json)
    if (fault !== undefined) throw new MatrixError('M_TOO_LARGE', fault)
    const keys = await this.#deps.keys.find(server, Object.keys(signatures[server]!))
    const verdict = verifySignedJson(redact(version, pdu), server, (keyId) => keys.get(keyId))
    if (verdict !== 'valid') throw new UnusableAnswer(`${server} has not signed the invitation`)
    return { event: { eventId: event.eventId, pdu }, json }
  }
}

function isCanonical(version: RoomVersion, answer: JsonObject): boolean {
  try {
    canonicalEventJson(version, answer)
    return true
  } catch (error) {
    if (error instanceof CanonicalJsonError) return false
    throw error
  }
}
