import { authorize } from '../auth/authorize.ts'
import type { StateLookup } from '../auth/room-state-view.ts'
import type { RoomEvent } from '../events/pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { EventHandle } from './auth-graph.ts'
import { unconflictedEvent, type HandledEvent, type ResolutionSource } from './resolution-source.ts'
import type { ResolvingState } from './resolving-state.ts'

/**
 * The iterative auth checks, steps 2 and 4: applies each event in turn if the authorization rules allow it in the state
 * so far. Where that state lacks what the rules ask for, the event's own auth events stand in.
 * {@link https://spec.matrix.org/v1.19/rooms/v2/#definitions}
 */
export function iterativeAuthCheck<Id extends EventHandle>(
  version: RoomVersion,
  source: ResolutionSource<Id>,
  state: ResolvingState<Id>,
  events: readonly HandledEvent<Id>[],
): void {
  const initial = initialState(version, source)
  for (const candidate of events) {
    const authEvents = authEventsOf(source, candidate.id)
    const lookup: StateLookup = (type, stateKey) =>
      state.event(type, stateKey) ??
      initial(type, stateKey) ??
      authEvents.find(({ pdu }) => pdu.type === type && pdu.state_key === stateKey)
    if (authorize(version, candidate.event, lookup).allowed) state.set(candidate)
  }
}

/**
 * The state that the checks start from: the unconflicted state map; since v2.1 an empty one, but for the create event,
 * which the room id stands for.
 */
function initialState<Id extends EventHandle>(version: RoomVersion, source: ResolutionSource<Id>): StateLookup {
  if (version.stateResolution !== 'v2.1') {
    return (type, stateKey) => {
      const event = unconflictedEvent(source, type, stateKey)
      // Nothing here authorizes the unconflicted events again, so a rejected one stays rejected.
      return event?.rejected === true ? undefined : event
    }
  }
  const create = unconflictedEvent(source, 'm.room.create', '')
  return (type, stateKey) => (type === 'm.room.create' && stateKey === '' ? create : undefined)
}

/** The event's auth events, unless rejected: they are not authorized again here. */
function authEventsOf<Id extends EventHandle>(source: ResolutionSource<Id>, id: Id): RoomEvent[] {
  const authEvents: RoomEvent[] = []
  for (const authEvent of source.graph.authEventsOf(id)) {
    const event = source.event(authEvent)
    if (event !== undefined && event.rejected !== true) authEvents.push(event)
  }
  return authEvents
}
