import type { EventId, JsonObject, UserId } from '@hearth/protocol'
import type { ClientTransaction } from '@hearth/store'

/** An event that a local user wants in a room; the mailbox gives it its place in the graph. */
export interface Proposal {
  readonly type: string
  readonly sender: UserId
  /** Present for state events only. */
  readonly stateKey?: string
  readonly content: JsonObject
  /** The event that an `m.room.redaction` names. */
  readonly redacts?: EventId
  /** Milliseconds since the epoch, where an application service sets it; otherwise the clock's. */
  readonly originServerTs?: number
  readonly transaction?: ClientTransaction
}

/** A proposal's place in the room, once it is committed. */
export interface SentEvent {
  readonly eventId: EventId
  /** True when the event was there already: the same transaction id, or state that would not have changed. */
  readonly existing: boolean
}
