import type { EventId } from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'
import type { ResolvedState } from './state-resolver.ts'
import type { VerifiedEvent } from './verified-event.ts'

/** An event that is to become part of a room. */
export interface ReceivedEvent extends VerifiedEvent {
  /** The state before it, found out from other servers, where not all of its previous events can be had. */
  readonly stateBefore?: ResolvedState | undefined
  /** Why it counts as spam, by the room's policy server: it is soft-failed. */
  readonly spam?: string | undefined
  /** It was handed to us alone: we are to send it on to the room's other servers. */
  readonly outgoing?: boolean | undefined
  /** Nothing is kept of it unless the room's current state allows it. */
  readonly mustBeCurrent?: boolean | undefined
}

/** What became of it. */
export type Placement =
  | PlacedEvent
  /** It was part of the room already, or was refused before. */
  | { readonly kind: 'known' }
  /** Nothing is kept of it. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** It cannot be judged without these events, and nothing is kept of it. */
  | {
      readonly kind: 'incomplete'
      readonly missingPrevious: readonly EventId[]
      readonly missingAuth: readonly EventId[]
    }

/** An event that is stored now. */
export interface PlacedEvent {
  readonly kind: 'accepted' | 'soft-failed' | 'rejected'
  /** Why it was refused; empty for an accepted one. */
  readonly reason: string
  readonly nid: number
  readonly event: RoomEvent
  readonly stateBeforeNid: number
}
