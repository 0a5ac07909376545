/**
 * The mainline ordering.
 * {@link https://spec.matrix.org/v1.19/rooms/v2/#definitions}
 */
import type { AuthGraph, EventHandle } from './auth-graph.ts'
import { compareTimeAndId } from './power-order.ts'
import type { HandledEvent } from './resolution-source.ts'

/**
 * Step 3: orders events by how far back in the history of the resolved power levels those are by which each was sent,
 * the furthest first, then by time and event id.
 */
export function mainlineOrder<Id extends EventHandle>(
  graph: AuthGraph<Id>,
  powerLevels: Id | undefined,
  events: readonly HandledEvent<Id>[],
): HandledEvent<Id>[] {
  const positions = new MainlinePositions(graph, powerLevels)
  return events
    .map((event) => ({ ...event, position: positions.of(event.id) }))
    .sort((a, b) => (a.position === b.position ? compareTimeAndId(a.event, b.event) : b.position - a.position))
}

/** The mainline positions based on an `m.room.power_levels` event. Each of those is visited once for all events. */
class MainlinePositions<Id extends EventHandle> {
  readonly #graph: AuthGraph<Id>
  /** The positions of power levels events; `Infinity` for those from which no path leads to the mainline. */
  readonly #positions = new Map<Id, number>()

  constructor(graph: AuthGraph<Id>, powerLevels: Id | undefined) {
    this.#graph = graph
    for (let id = powerLevels; id !== undefined && !this.#positions.has(id); id = this.#powerLevelsOf(id)) {
      this.#positions.set(id, this.#positions.size)
    }
  }

  /** The position of the first event of the mainline among the event's power levels and theirs before them. */
  of(id: Id): number {
    const path: Id[] = []
    const seen = new Set<Id>()
    let current = this.#powerLevelsOf(id)
    // A cycle of power levels leads nowhere.
    while (current !== undefined && !this.#positions.has(current) && !seen.has(current)) {
      path.push(current)
      seen.add(current)
      current = this.#powerLevelsOf(current)
    }
    const position = (current === undefined ? undefined : this.#positions.get(current)) ?? Infinity
    for (const powerLevels of path) this.#positions.set(powerLevels, position)
    return position
  }

  #powerLevelsOf(id: Id): Id | undefined {
    for (const authEvent of this.#graph.authEventsOf(id)) {
      if (this.#graph.isPowerLevels(authEvent)) return authEvent
    }
    return undefined
  }
}
