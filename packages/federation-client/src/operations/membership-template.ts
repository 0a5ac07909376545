import { s, type Infer } from '@hearth/protocol'
import { anyObject } from './answer-schemas.ts'

/** A membership event to be completed and signed, as a resident server proposes it. */
export const membershipTemplate = s.object({
  /** The version of the room; servers that say none mean version 1. */
  room_version: s.optional(s.string),
  event: anyObject,
})

/** A membership event to be completed and signed, and the version of its room. Nothing in it is to be trusted. */
export type MembershipTemplate = Required<Infer<typeof membershipTemplate>>
