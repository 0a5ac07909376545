/**
 * State resolution: what the state of a room is where its history has forked.
 *
 * A caller goes four steps: `splitConflicted` (or its own way to a `StateConflict`), `planResolution`, loading what the
 * plan and then `unconflictedNeeded` name, and `resolveState`.
 * {@link https://spec.matrix.org/v1.19/rooms/v12/#state-resolution}
 */
import type { RoomEvent } from '../events/pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { EventHandle } from './auth-graph.ts'
import { iterativeAuthCheck } from './iterative-auth-check.ts'
import { mainlineOrder } from './mainline-order.ts'
import type { ResolutionPlan } from './plan.ts'
import { powerOrder } from './power-order.ts'
import { resolveV1 } from './resolve-v1.ts'
import { loadedEvents, type HandledEvent, type ResolutionSource } from './resolution-source.ts'
import { ResolvingState, type StateEntry } from './resolving-state.ts'

/**
 * Resolves the conflicts that a plan is about, by the algorithm of the room version. The state is the unconflicted one
 * with the returned entries added; no entry replaces an unconflicted one.
 */
export function resolveState<Id extends EventHandle>(
  version: RoomVersion,
  plan: ResolutionPlan<Id>,
  source: ResolutionSource<Id>,
): StateEntry<Id>[] {
  if (version.stateResolution === 'v1') return resolveV1(version, plan, source)
  return resolveV2(version, plan, source)
}

function resolveV2<Id extends EventHandle>(
  version: RoomVersion,
  plan: ResolutionPlan<Id>,
  source: ResolutionSource<Id>,
): StateEntry<Id>[] {
  const fullConflicted = new Map<Id, RoomEvent>()
  for (const { id, event } of loadedEvents(source, plan.fullConflicted)) {
    // An event that is no state event cannot be in a state, and must not get there as an auth event.
    if (event.pdu.state_key !== undefined) fullConflicted.set(id, event)
  }
  const state = new ResolvingState<Id>()

  // 1. Select the power events of the full conflicted set, enlarge them by the events in their auth chains which also
  // belong to that set, and sort them using the reverse topological power ordering.
  const powerEvents = powerOrder(version, source, fullConflicted)

  // 2. Apply the iterative auth checks algorithm, starting from the unconflicted state map (since v2.1, an empty state
  // map), to get a partially resolved state.
  iterativeAuthCheck(version, source, state, powerEvents)

  // 3. Take all remaining events and order them by the mainline ordering based on the power level in the partially
  // resolved state.
  const picked = new Set(powerEvents.map(({ id }) => id))
  const remaining: HandledEvent<Id>[] = []
  for (const [id, event] of fullConflicted) {
    if (!picked.has(id)) remaining.push({ id, event })
  }
  const ordered = mainlineOrder(source.graph, partiallyResolvedPowerLevels(version, source, state), remaining)

  // 4. Apply the iterative auth checks algorithm on the partial resolved state and the list of events.
  iterativeAuthCheck(version, source, state, ordered)

  // 5. Update the result by replacing any event with the event with the same key from the unconflicted state map.
  return [...state.entries()].filter(({ type, stateKey }) => source.unconflicted(type, stateKey) === undefined)
}

function partiallyResolvedPowerLevels<Id extends EventHandle>(
  version: RoomVersion,
  source: ResolutionSource<Id>,
  state: ResolvingState<Id>,
): Id | undefined {
  const resolved = state.get('m.room.power_levels', '')?.id
  // Since v2.1 the partially resolved state holds nothing that was not conflicted.
  return version.stateResolution === 'v2.1' ? resolved : (resolved ?? source.unconflicted('m.room.power_levels', ''))
}
