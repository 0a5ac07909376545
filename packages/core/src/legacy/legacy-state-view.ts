import type { JsonObject } from '@hearth/protocol'

/** How the events of one state of a room are shown. Events are given in today's form. */
export interface LegacyStateView {
  /** Undefined for an event that is not shown. */
  event(event: JsonObject): JsonObject | undefined
  /** State events that are nowhere stored, and come after the others. */
  readonly further: readonly JsonObject[]
}
