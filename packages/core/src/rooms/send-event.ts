import { isDeepStrictEqual } from 'node:util'
import {
  badJson,
  forbidden,
  invalidParam,
  isUserId,
  MatrixError,
  notFound,
  serverOf,
  type EventId,
  type JsonObject,
} from '@hearth/protocol'
import { aclAllows, redactContent, type RoomEvent } from '@hearth/rooms'
import type { ClientTransaction, Store } from '@hearth/store'
import { relates, type RelationRules } from '../relations/relation-rules.ts'
import type { Requester } from '../requester.ts'
import type { Aliases } from './aliases.ts'
import type { ContentRules } from './content-rules.ts'
import type { MembershipActions } from './membership.ts'
import { membershipOf } from './membership-content.ts'
import { powerLevelsIn } from './power-levels-in.ts'
import type { Room } from './room.ts'
import type { RoomEvents } from './room-events.ts'
import type { EventSender, Plan } from './send/event-sender.ts'
import type { Proposal, SentEvent } from './send/proposal.ts'
import type { RoomDraft } from './send/room-draft.ts'
import type { RoomSettings } from './upgrade/room-settings.ts'

export interface MessageRequest {
  readonly requester: Requester
  readonly room: Room
  readonly type: string
  readonly content: JsonObject
  readonly transaction?: ClientTransaction | undefined
  readonly originServerTs?: number | undefined
}

export interface StateRequest extends MessageRequest {
  readonly stateKey: string
}

export interface RedactionRequest {
  readonly requester: Requester
  readonly room: Room
  readonly eventId: EventId
  readonly reason?: string | undefined
  /** Further content of the redaction event. */
  readonly content?: JsonObject | undefined
  readonly transaction?: ClientTransaction | undefined
}

/** Sending events that a user words: messages, state, redactions. */
export class EventActions {
  readonly #aliases: Aliases
  readonly #contentRules: ContentRules
  readonly #sender: EventSender
  readonly #membership: MembershipActions
  readonly #events: RoomEvents
  readonly #relationRules: RelationRules
  readonly #settings: RoomSettings
  readonly #store: Store
  readonly #serverName: string

  constructor(deps: {
    aliases: Aliases
    contentRules: ContentRules
    sender: EventSender
    membership: MembershipActions
    events: RoomEvents
    relationRules: RelationRules
    settings: RoomSettings
    store: Store
    serverName: string
  }) {
    this.#aliases = deps.aliases
    this.#contentRules = deps.contentRules
    this.#serverName = deps.serverName
    this.#sender = deps.sender
    this.#membership = deps.membership
    this.#events = deps.events
    this.#relationRules = deps.relationRules
    this.#settings = deps.settings
    this.#store = deps.store
  }

  /**
   * Sends a message-like event.
   *
   * @throws MatrixError M_BAD_JSON for content that this type of event cannot have, such as an `m.room.message` without
   *   `msgtype`; M_DUPLICATE_ANNOTATION, M_UNKNOWN (400) for a relation that cannot be; M_FORBIDDEN.
   */
  async sendMessage(request: MessageRequest): Promise<SentEvent> {
    const { requester, room, type, content, transaction, originServerTs } = request
    if (type === 'm.room.redaction') return this.#redactByContent(request)
    checkTombstone(room, type, content)
    this.#contentRules.check(room.version, type, content)
    const proposal: Proposal = {
      type,
      sender: requester.userId,
      content,
      ...(transaction && { transaction }),
      ...(originServerTs !== undefined && { originServerTs }),
    }
    const message = { room, sender: requester.userId, senderNid: requester.userNid, type, content }
    if (!relates(content)) return this.#sender.sendOne(room, () => [proposal])
    return this.#sender.sendOne(room, async (draft) => {
      const isJoined = membershipOf(await draft.find('m.room.member', requester.userId)) === 'join'
      // What the room's rules refuse, or answers a request that is in the draft already, needs no look at the database.
      if (!isJoined || (transaction && draft.hasTransaction(transaction))) return [proposal]
      try {
        await this.#relationRules.check(message, draft)
      } catch (error) {
        // A repeated request is no second annotation.
        const sent = transaction && (await this.#sender.findSent(transaction))
        if (sent) return { existing: sent }
        throw error
      }
      return [proposal]
    })
  }

  /**
   * Sets a key of the room's state. Setting what is set already gives the event that set it.
   *
   * @throws MatrixError M_BAD_JSON for content that this type of event cannot have, M_BAD_ALIAS for a canonical alias
   *   that names no room or another one; M_FORBIDDEN.
   */
  async sendState(request: StateRequest): Promise<SentEvent> {
    const { requester, room, type, stateKey, content, transaction } = request
    if (type !== 'm.room.member') {
      const sent = await this.#sender.sendOne(room, this.planState(request))
      if (type === 'm.room.tombstone') await this.#settings.followTombstone(requester, content)
      return sent
    }
    if (!isUserId(stateKey)) throw badJson('The state key of a membership is a user id')
    this.#contentRules.check(room.version, type, content)
    return this.#membership.set({ requester, room, target: stateKey, content, transaction })
  }

  /**
   * How {@link sendState} goes about any state but memberships: for whoever sends more along with it.
   *
   * @throws MatrixError M_BAD_JSON, M_BAD_ALIAS, M_FORBIDDEN.
   */
  planState(request: StateRequest): (draft: RoomDraft) => Promise<Plan> {
    const { requester, room, type, stateKey, content, transaction, originServerTs } = request
    if (type === 'm.room.create') throw forbidden('A room is created once')
    checkTombstone(room, type, content)
    this.#contentRules.check(room.version, type, content)
    if (type === 'm.room.server_acl' && !aclAllows(content, this.#serverName)) {
      throw badJson('This list would shut out the server that the room is sent from')
    }
    return async (draft) => {
      const current = await draft.find(type, stateKey)
      if (current?.pdu.sender === requester.userId && isDeepStrictEqual(current.pdu.content, content)) {
        const member = await draft.find('m.room.member', requester.userId)
        if (membershipOf(member) === 'join') return { existing: { eventId: current.eventId, existing: true } }
      }
      if (type === 'm.room.canonical_alias') await this.#aliases.checkCanonical(room, content, current?.pdu.content)
      return [
        {
          type,
          stateKey,
          sender: requester.userId,
          content,
          ...(transaction && { transaction }),
          ...(originServerTs !== undefined && { originServerTs }),
        },
      ]
    }
  }

  /**
   * Strips an event of what is not needed to keep the room together.
   * {@link https://spec.matrix.org/v1.19/client-server-api/#redactions}
   *
   * @throws MatrixError M_NOT_FOUND for an unknown event, M_INVALID_PARAM for one of another room, M_FORBIDDEN for another's event without the level.
   */
  async redact(request: RedactionRequest): Promise<SentEvent> {
    const { requester, room, eventId, reason, content, transaction } = request
    const [row] = await this.#store.events.findByIds([eventId])
    if (!row) throw notFound('There is no such event')
    if (row.roomNid !== room.nid) throw invalidParam('The event is of another room')
    const target = this.#events.parse(row)
    this.#checkSurvives(room, target)
    return this.#sender.sendOne(room, async (draft) => {
      if (requester.isSuspended && target.pdu.sender !== requester.userId) {
        throw new MatrixError('M_USER_SUSPENDED', 'A suspended account can redact only what it sent')
      }
      if (!this.#mayAlwaysRedact(requester, target)) {
        const levels = powerLevelsIn(
          room.version,
          await draft.find('m.room.create', ''),
          await draft.find('m.room.power_levels', ''),
        )
        if (levels.of(requester.userId) < levels.level('redact')) {
          throw forbidden('Redacting what others sent takes a higher power level')
        }
      }
      return [
        {
          type: 'm.room.redaction',
          sender: requester.userId,
          redacts: eventId,
          content: { ...content, ...(reason !== undefined && { reason }) },
          ...(transaction && { transaction }),
        },
      ]
    })
  }

  /** Everybody redacts what they sent; administrators of the server, what its users sent to rooms that they are in. */
  #mayAlwaysRedact({ userId, isAdmin }: Requester, { pdu: { sender } }: RoomEvent): boolean {
    return sender === userId || (isAdmin && serverOf(sender) === this.#serverName)
  }

  /** Refuses to redact what the room as a whole could not do without. */
  #checkSurvives({ version }: Room, { pdu }: RoomEvent): void {
    const content = redactContent(version, pdu.type, pdu.content)
    if (pdu.type === 'm.room.create' && (content['room_version'] ?? '1') !== version.id) {
      throw forbidden('Without its version the room would be taken for one of version 1')
    }
    if (pdu.type === 'm.room.server_acl' && !aclAllows(content, this.#serverName)) {
      throw forbidden('Without its content this list would shut out every server')
    }
  }

  #redactByContent({ requester, room, content, transaction }: MessageRequest): Promise<SentEvent> {
    const { redacts, ...rest } = content
    if (typeof redacts !== 'string') throw badJson('redacts is missing')
    return this.redact({ requester, room, eventId: redacts as EventId, content: rest, transaction })
  }
}

/** A room that points to itself would lead clients round in circles. */
function checkTombstone(room: Room, type: string, content: JsonObject): void {
  if (type === 'm.room.tombstone' && content['replacement_room'] === room.id) {
    throw invalidParam('A room cannot take its own place')
  }
}
