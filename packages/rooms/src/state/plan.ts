import { authTypesFor } from '../auth/auth-types.ts'
import type { RoomVersion } from '../room-versions.ts'
import { authDifference } from './auth-difference.ts'
import type { AuthGraph, EventHandle, StateConflict } from './auth-graph.ts'
import { conflictedSubgraph } from './conflicted-subgraph.ts'
import { loadedEvents, type ResolutionSource } from './resolution-source.ts'

/** What a resolution is about, known from the auth graph alone. */
export interface ResolutionPlan<Id extends EventHandle> {
  /** The full conflicted set; in algorithm v1 the conflicted events. */
  readonly fullConflicted: ReadonlySet<Id>
  /** The events to load: those of the full conflicted set and their auth events. */
  readonly eventsNeeded: ReadonlySet<Id>
}

/**
 * Works out which events a resolution is about, before any of them is loaded. When `fullConflicted` is empty, the
 * states do not conflict and there is nothing to resolve.
 */
export function planResolution<Id extends EventHandle>(
  version: RoomVersion,
  conflict: StateConflict<Id>,
  graph: AuthGraph<Id>,
): ResolutionPlan<Id> {
  const conflicted = new Set(conflict.conflicted.flat())
  if (conflicted.size === 0) return { fullConflicted: conflicted, eventsNeeded: conflicted }
  // Algorithm v1 looks at nothing but the states.
  if (version.stateResolution === 'v1') return { fullConflicted: conflicted, eventsNeeded: conflicted }

  const difference = graph.authDifference?.(conflict) ?? authDifference(graph, conflict)
  const fullConflicted = new Set([...conflicted, ...difference])
  if (version.stateResolution === 'v2.1') {
    for (const id of conflictedSubgraph(graph, conflicted)) fullConflicted.add(id)
  }

  const eventsNeeded = new Set(fullConflicted)
  for (const id of fullConflicted) {
    for (const authEvent of graph.authEventsOf(id)) eventsNeeded.add(authEvent)
  }
  return { fullConflicted, eventsNeeded }
}

/**
 * The unconflicted events to load as well, which the authorization rules will look at. To be asked for when the events
 * of the plan are loaded, since it depends on what they are.
 */
export function unconflictedNeeded<Id extends EventHandle>(
  version: RoomVersion,
  plan: ResolutionPlan<Id>,
  source: ResolutionSource<Id>,
): Set<Id> {
  const needed = new Set<Id>()
  function need(type: string, stateKey: string): void {
    const id = source.unconflicted(type, stateKey)
    if (id !== undefined) needed.add(id)
  }

  if (plan.fullConflicted.size > 0) need('m.room.create', '')
  // Since v2.1 the checks start from an empty state.
  if (version.stateResolution === 'v2.1') return needed
  for (const { event } of loadedEvents(source, plan.fullConflicted)) {
    for (const [type, stateKey] of authTypesFor(version, event.pdu)) need(type, stateKey)
  }
  return needed
}
