import type { RoomEvent } from '../events/pdu.ts'
import type { AuthGraph, EventHandle } from './auth-graph.ts'

/** What a resolution looks at. All of it has been loaded before. */
export interface ResolutionSource<Id extends EventHandle> {
  readonly graph: AuthGraph<Id>
  /** A loaded event. `undefined` for an event that the server does not have: it takes no part. */
  event(id: Id): RoomEvent | undefined
  /** The event under a key of the unconflicted state map. */
  unconflicted(type: string, stateKey: string): Id | undefined
}

/** An event and the caller's handle of it. */
export interface HandledEvent<Id extends EventHandle> {
  readonly id: Id
  readonly event: RoomEvent
}

/** The events of these that are loaded. */
export function loadedEvents<Id extends EventHandle>(
  source: ResolutionSource<Id>,
  ids: Iterable<Id>,
): HandledEvent<Id>[] {
  const loaded: HandledEvent<Id>[] = []
  for (const id of ids) {
    const event = source.event(id)
    if (event !== undefined) loaded.push({ id, event })
  }
  return loaded
}

/** The event of the unconflicted state map under that key, loaded. */
export function unconflictedEvent<Id extends EventHandle>(
  source: ResolutionSource<Id>,
  type: string,
  stateKey: string,
): RoomEvent | undefined {
  const id = source.unconflicted(type, stateKey)
  return id === undefined ? undefined : source.event(id)
}
