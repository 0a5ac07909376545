import type { EventId, JsonObject } from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'

/** What a client sees of an event beside the event itself. */
export interface EventContext {
  /** For a state event: the state event it took the place of. */
  readonly replaced?: RoomEvent | undefined
  /** For a redacted event: the redaction. */
  readonly redaction?: RoomEvent | undefined
  /** Whether this is what is left of an event whose rest is kept from its reader. */
  readonly isPruned?: boolean
}

/** What only one reader of an event sees in `unsigned`. */
export interface ViewerContext {
  /** The time of the answer, in milliseconds. */
  readonly now: number
  /** The transaction id that the reading device sent the event with. */
  readonly transactionId?: string | undefined
  /** The reader's membership when the event was sent. */
  readonly membership?: string | undefined
  /** What relates to the event, as the JSON of `m.relations`. */
  readonly relations?: string | undefined
}

/**
 * An event in the form that clients get, serialized once and completed per reader by joining strings.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#room-event-format}
 */
export class ClientEvent {
  readonly roomId: string
  /** The event that this is a form of. */
  readonly source: RoomEvent
  /** The state event whose content this one quotes. */
  readonly replacedId: EventId | undefined
  /** Whether it was redacted, for everybody or for its reader. */
  readonly isRedacted: boolean
  readonly #head: string
  readonly #unsigned: string

  constructor(source: RoomEvent, roomId: string, context: EventContext = {}) {
    this.source = source
    this.roomId = roomId
    this.replacedId = context.replaced?.eventId
    this.isRedacted = context.redaction !== undefined || context.isPruned === true
    this.#head = JSON.stringify(clientFields(source)).slice(0, -1)
    const unsigned = JSON.stringify(staticUnsigned(context))
    this.#unsigned = unsigned === '{}' ? '' : `,${unsigned.slice(1, -1)}`
  }

  /** Bytes that this event holds, about; parsed it takes some three times its text. */
  get weight(): number {
    return 300 + 4 * this.#head.length + this.#unsigned.length
  }

  /** The event as `/sync` gives it: without `room_id`. */
  syncJson(viewer: ViewerContext): string {
    return `${this.#head}${this.#tail(viewer)}`
  }

  /** The event as every other endpoint gives it. */
  json(viewer: ViewerContext): string {
    return `${this.#head},"room_id":${JSON.stringify(this.roomId)}${this.#tail(viewer)}`
  }

  /** The same as {@link json}, parsed. */
  toObject(viewer: ViewerContext): JsonObject {
    return JSON.parse(this.json(viewer)) as JsonObject
  }

  /** The event as servers exchange it, with the two keys that a reader could only reckon out. */
  federationJson(): string {
    return JSON.stringify({ ...this.source.pdu, room_id: this.roomId, event_id: this.source.eventId })
  }

  #tail({ now, transactionId, membership, relations }: ViewerContext): string {
    const age = Math.max(0, now - this.source.pdu.origin_server_ts)
    const transaction = transactionId === undefined ? '' : `,"transaction_id":${JSON.stringify(transactionId)}`
    const member = membership === undefined ? '' : `,"membership":${JSON.stringify(membership)}`
    const related = relations === undefined ? '' : `,"m.relations":${relations}`
    return `,"unsigned":{"age":${age}${this.#unsigned}${transaction}${member}${related}}}`
  }
}

/** The keys of an event that clients see; those of the federation format are left out. */
function clientFields({ eventId, pdu }: RoomEvent): JsonObject {
  const fields: JsonObject = {
    content: pdu.content,
    event_id: eventId,
    origin_server_ts: pdu.origin_server_ts,
    sender: pdu.sender,
    type: pdu.type,
  }
  if (pdu.state_key !== undefined) fields['state_key'] = pdu.state_key
  const redacts = pdu.redacts ?? (pdu.type === 'm.room.redaction' ? pdu.content['redacts'] : undefined)
  if (redacts !== undefined) fields['redacts'] = redacts
  // Where it stands changed with room version 11. Clients of both times find it.
  if (pdu.redacts !== undefined) fields['content'] = { ...pdu.content, redacts: pdu.redacts }
  return fields
}

function staticUnsigned({ replaced, redaction }: EventContext): JsonObject {
  return {
    ...(replaced && {
      replaces_state: replaced.eventId,
      prev_sender: replaced.pdu.sender,
      prev_content: replaced.pdu.content,
    }),
    ...(redaction && { redacted_by: redaction.eventId, redacted_because: clientFields(redaction) }),
  }
}
