import type { JsonObject, RoomId, UserId } from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'
import type { Membership, PresenceListRow, ReceiptRow, ToDeviceEntry } from '@hearth/store'

/** Whose membership it is, what it is and was before, and whether that user is one of ours. */
export interface MemberChange {
  readonly userNid: number
  readonly membership: Membership
  readonly previous: Membership | undefined
  readonly local: boolean
}

/** A membership that changed together with the event at the same position, which is not what it comes from. */
export interface ResolvedMemberChange extends MemberChange {
  readonly kind: 'member'
  readonly pos: number
  /** The member event that is in force now; null when there is none any more. */
  readonly nid: number | null
  readonly roomNid: number
  readonly roomId: RoomId
  readonly userId: UserId
}

/** An event that joined a room's timeline. */
export interface EventChange {
  readonly kind: 'event'
  readonly pos: number
  readonly nid: number
  readonly roomNid: number
  readonly roomId: RoomId
  readonly event: RoomEvent
  /** The id of the room's state after the event, in the event's own history. */
  readonly stateNid: number
  /** The id of the room's state before it, likewise. */
  readonly stateBeforeNid: number | undefined
  /** The id of the room's current state after the event, where it did not simply follow on the room's head. */
  readonly currentStateNid?: number | undefined
  /** For a state event: the event whose place it took. */
  readonly replaced: RoomEvent | undefined
  /** For a member event that took effect. */
  readonly membership?: MemberChange | undefined
  /** For a redaction that took effect: the event that it redacted. */
  readonly redacted?: { readonly nid: number; readonly event: RoomEvent }
  /** Whether events that stood before it were missing when it came. */
  readonly isAfterGap?: true
  /** Whether this server sends it to the others in the room. */
  readonly outgoing?: true
  /** The device and transaction id that the event was sent with. */
  readonly transaction?: { readonly deviceNid: number; readonly txnId: string }
}

/** A user's account data, global (`roomNid` null) or of a room. */
export interface AccountDataChange {
  readonly kind: 'account-data'
  readonly pos: number
  readonly userNid: number
  readonly roomNid: number | null
  readonly type: string
  /** JSON text. */
  readonly content: string
}

/** A user forgot a room that they are not in. */
export interface ForgottenRoomChange {
  readonly kind: 'forgotten-room'
  readonly pos: number
  readonly userNid: number
  readonly roomNid: number
}

/**
 * A local user was invited into a room that this server is not in, knocked on it, or is no longer invited: a membership
 * without a room (`outside_membership`).
 */
export interface OutsideMembershipChange {
  readonly kind: 'outside-membership'
  readonly pos: number
  readonly nid: number
  readonly userNid: number
  readonly roomNid: number
  readonly membership: Membership
}

/** A local user was erased: what they sent is not for those who come to see it later. */
export interface ErasureChange {
  readonly kind: 'erasure'
  readonly pos: number
  readonly userId: UserId
}

/** A user asked to see another's presence, or that was granted, refused or given up. */
export interface PresenceListChange extends PresenceListRow {
  readonly kind: 'presence-list'
  readonly observerId: UserId
  readonly observedId: UserId
}

/** A local user's profile. */
export interface ProfileChange {
  readonly kind: 'profile'
  readonly pos: number
  readonly userNid: number
  readonly userId: UserId
  /** The whole profile as it is now. */
  readonly fields: JsonObject
}

/** A receipt that a user moved forward. */
export interface ReceiptChange extends ReceiptRow {
  readonly kind: 'receipt'
  readonly userId: UserId
}

/** A message that was sent to a device of a local user. */
export interface ToDeviceChange extends ToDeviceEntry {
  readonly kind: 'to-device'
}

/** One durable change. Each kind but `member` has stream positions of its own. */
export type Change =
  | EventChange
  | AccountDataChange
  | ErasureChange
  | ForgottenRoomChange
  | OutsideMembershipChange
  | PresenceListChange
  | ProfileChange
  | ReceiptChange
  | ResolvedMemberChange
  | ToDeviceChange
