/**
 * What a caller hands to the persister, and what it gets back.
 *
 * References: an `EventRef` or `StateRef` of zero or more is the number of something already stored. A negative one,
 * `-(1 + i)`, stands for the i-th event of the same commit (as a state: the state after that event), because an event's
 * number is its stream position, which is only known inside the committing transaction.
 */
import type { EventId, RoomId } from '@hearth/protocol'
import type { Membership } from '../tables/membership-code.ts'

/** A stored event's nid, or `-(1 + i)`: the i-th event of the same commit. */
export type EventRef = number

/** A stored state's id, or `-(1 + i)`: the state after the i-th event of the same commit. */
export type StateRef = number

/** How one user's membership in the room's current state changes. */
export interface MembershipChange {
  /** The user whose membership it is (the state key), in the dictionary of users. */
  readonly userNid: number
  /** The user's server. */
  readonly serverNid: number
  /** Whether the user belongs to this deployment; only then a row of `local_membership` follows. */
  readonly local: boolean
  readonly membership: Membership
  /** What it was in the state this replaces; null when there was no member event. */
  readonly previous: Membership | null
}

/** The client's transaction that an event answers: a repetition finds the first event instead of making another. */
export interface ClientTransaction {
  readonly deviceNid: number
  /** What the transaction id is unique within besides the device (endpoint, room, ...), hashed by the caller: 16 bytes. */
  readonly scope: Uint8Array
  readonly txnId: string
}

/** What a redaction event does. Give it only when the redaction is to be applied, not for a refused one. */
export type RedactionTarget =
  /** The target is stored (or part of this commit): its JSON is replaced in the same transaction. */
  | { readonly target: EventRef; readonly prunedJson: string }
  /** The target is not known yet: remembered in `redactions` until it comes. */
  | { readonly unknownTarget: EventId }

/** That an event relates to another, which need not be stored. */
export interface NewRelation {
  readonly parentId: EventId
  /** At most 255 bytes. */
  readonly relType: string
  /** What an annotation says. */
  readonly key?: string | undefined
}

/** An event to be stored with a stream position; one that is refused (by its `flags`) gets none. */
export interface NewEvent {
  readonly eventId: EventId
  /** Its number, from `states.reserveId()`, where it has to be known before the commit. Otherwise it is its position. */
  readonly nid?: number | undefined
  /** It is stored as an outlier with that `nid`, and now gets its place. */
  readonly isLate?: boolean | undefined
  /** Canonical JSON as received or built, signatures and hashes included. */
  readonly json: string
  readonly typeNid: number
  /** null for message-like events. */
  readonly stateKeyNid: number | null
  readonly senderNid: number
  readonly depth: number
  /** `origin_server_ts`, milliseconds. */
  readonly ts: number
  /** Bits of `eventFlags`; the bits for the id's spelling are set by the store. */
  readonly flags: number
  /** For a state event: the event that held its key in the state before it. */
  readonly replaces?: EventRef | undefined
  /** The auth events; stored for state events only, so message-like events may give an empty list. */
  readonly auth: readonly EventRef[]
  /** The room's state before this event. Default: the state after the previous event of the commit. */
  readonly stateBefore?: StateRef | undefined
  /** The room's current state after this event, where it does not simply follow on the room's head. */
  readonly currentState?: StateRef | undefined
  /** Why it is rejected or soft-failed. */
  readonly refusal?: string | undefined
  /** For member events that become part of the current state. */
  readonly membership?: MembershipChange | undefined
  readonly txn?: ClientTransaction | undefined
  readonly redacts?: RedactionTarget | undefined
  readonly relation?: NewRelation | undefined
  /** For an event whose redaction came first (`redactions.findPending`): that redaction's nid; `json` is pruned already. */
  readonly redactedBy?: number | undefined
}

/** A new state that no single event makes: the outcome of a state resolution, as a difference from its base. */
export interface StateMerge {
  /** Reserved with `states.reserveId()`. */
  readonly stateNid: number
  readonly base: StateRef
  readonly changes: readonly StateEntryChange[]
}

/** One key of a state map set to another event, or removed. */
export interface StateEntryChange {
  readonly typeNid: number
  readonly stateKeyNid: number
  /** null removes the key. */
  readonly event: EventRef | null
}

/** One key of the room's current state, as resolution (rather than the commit's own events) leaves it. */
export interface CurrentStateChange extends StateEntryChange {
  /** For `m.room.member`: what it means for the user. With `event: null` the membership is `leave`. */
  readonly membership?: MembershipChange | undefined
}

/** The head of a room after a commit whose state is not simply that after its last event. */
export interface ResolvedHead {
  readonly state: StateRef
  /** Everything that differs from the room's current state before this commit. */
  readonly changes: readonly CurrentStateChange[]
}

/** Events for one room, committed together or not at all. */
export interface RoomCommit {
  readonly roomNid: number
  /** `room_head.last_pos` that the events were built on; 0 for a room without a head. */
  readonly expectedPos: number
  /** The state before the first event; 0 is the empty state. */
  readonly stateNid: number
  /** At least one, in the order of their positions. */
  readonly events: readonly NewEvent[]
  /** The forward extremities afterwards. */
  readonly extremities: readonly EventRef[]
  /** Creates the room's row (nid from `rooms.reserveNid()`) in the same transaction; `expectedPos` is then 0. */
  readonly newRoom?: { readonly roomId: RoomId; readonly version: string } | undefined
  readonly merges?: readonly StateMerge[] | undefined
  /** Default: the state after the last event, changed by the commit's own state events. */
  readonly resolvedHead?: ResolvedHead | undefined
}

/** What became of a commit. Only `committed` wrote anything. */
export type CommitOutcome =
  | {
      readonly kind: 'committed'
      /** Position and nid of the first event; the others follow without a gap. */
      readonly firstPos: number
      /** The room's new `last_pos`. */
      readonly lastPos: number
      /** The head's state id. */
      readonly stateNid: number
      /** Position of the stream before the batch that this commit was part of. */
      readonly prevPos: number
    }
  /**
   * Another writer moved the room's head: read it again and rebuild. `lastPos` is 0 when there is no head; when none was
   * expected either, there is no such room, or it is being deleted.
   */
  | { readonly kind: 'head-moved'; readonly lastPos: number }
  /**
   * The transaction of `events[index]` was used before, for the event `eventId`. `nid` is negative (an `EventRef`) when
   * that is an earlier event of the same commit.
   */
  | { readonly kind: 'duplicate-txn'; readonly index: number; readonly nid: number; readonly eventId: EventId }

/** An event as committed: every reference is resolved. */
export interface CommittedEvent {
  readonly nid: number
  /** Its place in the stream; null for one that was refused. */
  readonly pos: number | null
  readonly roomNid: number
  /** The room's state before the event. */
  readonly stateBeforeNid: number
  /** The room's state after the event: its own nid for a state event, unless it was rejected. */
  readonly stateNid: number
  /** The room's current state after it, where it did not simply follow on the room's head. */
  readonly currentStateNid: number | null
  readonly event: NewEvent
  /** For a state event: the nid of the event whose place it took. */
  readonly replacesNid: number | null
  /** The nid whose JSON this event replaced. */
  readonly redactedNid: number | null
}

/** A room's head as a commit left it. */
export interface CommittedRoom {
  readonly roomNid: number
  readonly prevLastPos: number
  readonly lastPos: number
  readonly stateNid: number
  readonly extremities: readonly number[]
  readonly events: readonly CommittedEvent[]
  /** Changes of the room's current state, by key; `event` is a nid. */
  readonly stateChanges: readonly CurrentStateChange[]
  /** The merged states of the commit, references resolved. */
  readonly merges: readonly StateMerge[]
  /** Whether the room had no head before. */
  readonly created: boolean
}

/**
 * One transaction's changes. The positions in `(prevPos, pos]` are all in this batch; a listener that last saw another
 * position than `prevPos` missed what other processes (or other tables) committed and reads it with `streams.readChanges`.
 */
export interface CommittedBatch {
  readonly prevPos: number
  readonly pos: number
  readonly rooms: readonly CommittedRoom[]
  /** All events of `rooms`, in position order. */
  readonly events: readonly CommittedEvent[]
}
