import type { EventId } from '@hearth/protocol'
import type { RoomEvent } from '../events/pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import { authGraphOf } from './auth-graph.ts'
import { planResolution } from './plan.ts'
import { resolveState } from './resolve.ts'
import { splitConflicted } from './split-conflicted.ts'

/** The state of a room by `stateTupleKey`. */
export type StateMap = ReadonlyMap<string, EventId>

/** The key of a type and state key in a `StateMap`. No two have the same, whatever characters they hold. */
export function stateTupleKey(type: string, stateKey: string): string {
  return `${type.length}:${type}:${stateKey}`
}

/** Resolves states of a room whose events are all at hand, with their auth chains. */
export function resolveLoaded(
  version: RoomVersion,
  states: readonly StateMap[],
  event: (id: EventId) => RoomEvent | undefined,
): StateMap {
  const graph = authGraphOf(event)
  const conflict = splitConflicted(version, states)
  const plan = planResolution(version, conflict, graph)
  const resolved = new Map(conflict.unconflictedState)
  if (plan.fullConflicted.size === 0) return resolved

  const entries = resolveState(version, plan, {
    graph,
    event,
    unconflicted: (type, stateKey) => conflict.unconflictedState.get(stateTupleKey(type, stateKey)),
  })
  for (const { type, stateKey, id } of entries) resolved.set(stateTupleKey(type, stateKey), id)
  return resolved
}
