import type { EventId } from '@hearth/protocol'
import type { TimeSlice } from '@hearth/runtime'

/**
 * Events so that each comes after those of its auth events that are among them. Those that lead back to themselves, which
 * only forged ones can, are left out.
 */
export function inAuthOrder<Event>(
  events: ReadonlyMap<EventId, Event>,
  authOf: (event: Event) => readonly EventId[],
): Event[] {
  const steps = order(events, authOf)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** The same for the events of a whole room, in slices. */
export async function inAuthOrderSliced<Event>(
  events: ReadonlyMap<EventId, Event>,
  authOf: (event: Event) => readonly EventId[],
  slice: TimeSlice,
): Promise<Event[]> {
  const steps = order(events, authOf)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    if (slice.isOver) await slice.rest()
  }
}

/** Each step is short. */
function* order<Event>(
  events: ReadonlyMap<EventId, Event>,
  authOf: (event: Event) => readonly EventId[],
): Generator<undefined, Event[]> {
  const waitsFor = new Map<EventId, number>()
  const dependents = new Map<EventId, EventId[]>()
  const ready: EventId[] = []
  for (const [eventId, event] of events) {
    const among = new Set(authOf(event).filter((id) => events.has(id)))
    if (among.size === 0) ready.push(eventId)
    waitsFor.set(eventId, among.size)
    for (const id of among) {
      const waiting = dependents.get(id)
      if (waiting === undefined) dependents.set(id, [eventId])
      else waiting.push(eventId)
    }
    yield
  }
  const ordered: Event[] = []
  // What is found on the way is added to the list that is walked.
  for (const eventId of ready) {
    ordered.push(events.get(eventId)!)
    for (const dependent of dependents.get(eventId) ?? []) {
      const left = waitsFor.get(dependent)! - 1
      waitsFor.set(dependent, left)
      if (left === 0) ready.push(dependent)
      yield
    }
  }
  return ordered
}
