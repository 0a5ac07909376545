import type { AuthGraph, EventHandle } from './auth-graph.ts'

/**
 * The conflicted state subgraph, of algorithm v2.1: all events on paths along auth events from one conflicted event to
 * another, the conflicted events included. Searches depth first without recursion, for an auth chain may be as long as
 * a room is old.
 * {@link https://spec.matrix.org/v1.19/rooms/v12/#definitions}
 */
export function conflictedSubgraph<Id extends EventHandle>(graph: AuthGraph<Id>, conflicted: ReadonlySet<Id>): Set<Id> {
  /** For every event seen, whether a path leads from it to a conflicted event, which may be itself. */
  const leads = new Map<Id, boolean>()
  for (const start of conflicted) search(graph, conflicted, leads, start)

  const subgraph = new Set<Id>()
  for (const [id, doesLead] of leads) {
    if (doesLead) subgraph.add(id)
  }
  return subgraph
}

interface Frame<Id> {
  readonly id: Id
  readonly authEvents: Iterator<Id>
}

function search<Id extends EventHandle>(
  graph: AuthGraph<Id>,
  conflicted: ReadonlySet<Id>,
  leads: Map<Id, boolean>,
  start: Id,
): void {
  if (leads.has(start)) return
  const path: Frame<Id>[] = []
  function enter(id: Id): void {
    leads.set(id, conflicted.has(id))
    path.push({ id, authEvents: graph.authEventsOf(id)[Symbol.iterator]() })
  }

  enter(start)
  for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
    const next = frame.authEvents.next()
    if (next.done === true) {
      path.pop()
      // The event below on the path is the one that led here.
      const from = path.at(-1)
      if (from !== undefined && leads.get(frame.id) === true) leads.set(from.id, true)
    } else if (!leads.has(next.value)) {
      enter(next.value)
    } else if (leads.get(next.value) === true) {
      leads.set(frame.id, true)
    }
  }
}
