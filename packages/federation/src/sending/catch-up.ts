import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Destination, QueuedEvent } from './destination.ts'

/** A server that was away for no longer than this gets everything. */
const longMs = 60 * 60_000
/** One that was away for longer gets no more than the last event of a room of which it has missed more than this. */
const maxMissed = 10

/**
 * Finds what a server that was away has missed: our events in the rooms that it was in, in the order of the stream. When it
 * was away for long, it gets of rooms of which it missed much the last one, from which it finds out about the others by
 * itself: as many as it wants of them, and from whom it wants.
 */
export class CatchUp {
  readonly #store: Pick<Store, 'outgoingEvents'>
  readonly #clock: Clock
  readonly #position: () => number

  /** `position`: up to where all events have been given to their destinations. */
  constructor(deps: { store: Pick<Store, 'outgoingEvents'>; clock: Clock; position: () => number }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#position = deps.position
  }

  /** The next events for a server that is behind; none when it is not any more. */
  async next(destination: Destination, limit: number): Promise<readonly QueuedEvent[]> {
    const { outgoingEvents } = this.#store
    const { serverNid } = destination
    for (let { behind } = destination; behind; { behind } = destination) {
      const upTo = this.#position()
      if (upTo > behind.after) {
        behind.onlyLast ??= await this.#findLong(destination, behind.since, { after: behind.after, upTo })
        const range = { after: behind.after, upTo }
        const events = await outgoingEvents.listFor(serverNid, range, { limit, onlyLast: behind.onlyLast })
        behind.completeUpTo = events.length < limit ? upTo : undefined
        if (events.length > 0) return events
      }
      if (destination.completeUpTo(upTo)) return []
      // What came since is being given out now.
      if (this.#position() <= upTo) return []
    }
    return []
  }

  async #findLong(
    { serverNid }: Destination,
    since: number,
    range: { readonly after: number; readonly upTo: number },
  ): Promise<ReadonlyMap<number, number>> {
    if (this.#clock.now() - since <= longMs) return new Map()
    const rooms = await this.#store.outgoingEvents.listMissedRooms(serverNid, range, maxMissed)
    return new Map(rooms.map(({ roomNid, lastPos }) => [roomNid, lastPos]))
  }
}
