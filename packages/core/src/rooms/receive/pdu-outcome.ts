import type { EventId } from '@hearth/protocol'

/**
 * What became of an event that another server sent in a transaction.
 * - `accepted`: part of the room.
 * - `known`: it was there already.
 * - `staged`: kept, and looked at again when the events before it are there.
 * - `soft-failed`: kept, but neither shown to clients nor followed by our events.
 * - `rejected`: kept to be recognized; it has no effect.
 * - `ignored`: not kept, such as one that is not signed, or of a room that nobody here is in.
 */
export type PduOutcome =
  | { readonly kind: 'accepted' | 'known' | 'staged' }
  | { readonly kind: 'soft-failed' | 'rejected' | 'ignored'; readonly reason: string }

/** The outcome for each event that has an id. */
export type PduOutcomes = ReadonlyMap<EventId, PduOutcome>
