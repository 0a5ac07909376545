import type { AuthGraph, EventHandle, StateConflict } from './auth-graph.ts'

/**
 * The auth difference: the events that are in the auth chain of some state but not in those of all. Takes time linear
 * in the states and the parts of their chains that they do not share.
 *
 * NOTSPEC: an event of a state counts as part of that state's chain. By the letter it is not in its own auth chain, so
 * that an event on which all states agree could be in the difference; but Synapse counts so, and a room must resolve
 * alike on all of its servers.
 * {@link https://spec.matrix.org/v1.19/rooms/v2/#definitions}
 */
export function authDifference<Id extends EventHandle>(
  graph: AuthGraph<Id>,
  { unconflicted, conflicted }: StateConflict<Id>,
): Set<Id> {
  const chains = conflicted.map((events) => reachable(graph, events))
  const difference = new Set<Id>()
  for (const chain of chains) {
    for (const id of chain) {
      if (!difference.has(id) && !chains.every((other) => other.has(id))) difference.add(id)
    }
  }
  if (difference.size > 0) removeReachable(graph, unconflicted, difference)
  return difference
}

/** Some events and their auth chains. */
function reachable<Id extends EventHandle>(graph: AuthGraph<Id>, events: Iterable<Id>): Set<Id> {
  const found = new Set(events)
  const pending = [...found]
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    for (const authEvent of graph.authEventsOf(id)) {
      if (found.has(authEvent)) continue
      found.add(authEvent)
      pending.push(authEvent)
    }
  }
  return found
}

/** Removes from a set what some events lead to: what is in the chain of an unconflicted event is in all chains. */
function removeReachable<Id extends EventHandle>(graph: AuthGraph<Id>, events: Iterable<Id>, set: Set<Id>): void {
  // Most of the events lead to the same few others. Only those are marked: a room may have 100,000 members.
  const seen = new Set<Id>()
  const pending: Id[] = []
  function visitAuthEventsOf(id: Id): void {
    set.delete(id)
    for (const authEvent of graph.authEventsOf(id)) {
      if (seen.has(authEvent)) continue
      seen.add(authEvent)
      pending.push(authEvent)
    }
  }

  for (const event of events) {
    visitAuthEventsOf(event)
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) visitAuthEventsOf(id)
  }
}
