import type { RoomVersion } from '../room-versions.ts'
import type { EventHandle, StateConflict } from './auth-graph.ts'

/** States split by key. */
export interface SplitState<Key, Id extends EventHandle> extends StateConflict<Id> {
  readonly unconflictedState: ReadonlyMap<Key, Id>
}

/**
 * Splits states into the unconflicted state map and the conflicted state sets. Algorithm v2 counts a key that only some
 * states have as a conflict, v1 does not.
 *
 * A caller that keeps states as differences of one another can make the `StateConflict` from those instead.
 */
export function splitConflicted<Key, Id extends EventHandle>(
  version: RoomVersion,
  states: readonly ReadonlyMap<Key, Id>[],
): SplitState<Key, Id> {
  const agree = version.stateResolution === 'v1' ? agreeWherePresent : agreeEverywhere
  const unconflictedState = new Map<Key, Id>()
  const conflictedKeys = new Set<Key>()
  for (const [index, state] of states.entries()) {
    const earlier = states.slice(0, index)
    for (const [key, id] of state) {
      if (earlier.some((other) => other.has(key))) continue
      if (agree(states, key, id)) unconflictedState.set(key, id)
      else conflictedKeys.add(key)
    }
  }

  const conflicted = states.map((state) => [...conflictedKeys].flatMap((key) => state.get(key) ?? []))
  return { unconflictedState, unconflicted: unconflictedState.values(), conflicted }
}

function agreeEverywhere<Key, Id>(states: readonly ReadonlyMap<Key, Id>[], key: Key, id: Id): boolean {
  return states.every((state) => state.get(key) === id)
}

function agreeWherePresent<Key, Id>(states: readonly ReadonlyMap<Key, Id>[], key: Key, id: Id): boolean {
  return states.every((state) => (state.get(key) ?? id) === id)
}
