import { levelEventTypes } from './level-events.ts'

/** What a virtual event is derived from: a stored event, of which it shows the levels that had a type of their own. */
export interface VirtualEventSource {
  readonly type: string
  readonly eventId: string
}

/**
 * The id of an event that is not stored: its type and what names its source. Ids that today's servers give have no dot,
 * so that the two do not meet.
 */
export function virtualEventId(type: string, source: string): string {
  return `$${type}.${source.slice(1)}`
}

/** What the id of a virtual level event says; undefined for ids of stored events. */
export function parseVirtualEventId(id: string): VirtualEventSource | undefined {
  const type = levelEventTypes.find((each) => id.startsWith(`$${each}.`))
  return type === undefined ? undefined : { type, eventId: `$${id.slice(type.length + 2)}` }
}
