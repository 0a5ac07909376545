import type { EventId } from '@hearth/protocol'
import { authorize, prevEventIds, stateTupleKey, type StateMap } from '@hearth/rooms'
import type { RandomDag } from '../../../rooms/test/random-dag.ts'

/** What a server is to make of the events of a room that it receives one by one, as plainly as it can be said. */
export class PlainRoom {
  readonly #dag: RandomDag
  readonly softFailed = new Set<EventId>()
  #extremities: ReadonlySet<EventId>

  constructor(dag: RandomDag, create: EventId) {
    this.#dag = dag
    this.#extremities = new Set([create])
  }

  get extremities(): ReadonlySet<EventId> {
    return this.#extremities
  }

  get currentState(): StateMap {
    return this.#dag.resolve([...this.#extremities])
  }

  receive(eventId: EventId): void {
    const event = this.#dag.events.get(eventId)!
    const state = this.currentState
    const lookup = (type: string, stateKey: string) => this.#dag.events.get(state.get(stateTupleKey(type, stateKey))!)
    if (!authorize(this.#dag.version, event, lookup).allowed) {
      this.softFailed.add(eventId)
      return
    }
    const before = this.#before(eventId)
    this.#extremities = new Set([...[...this.#extremities].filter((id) => !before.has(id)), eventId])
  }

  /** What an event comes after, where nothing comes after what was soft-failed. */
  #before(eventId: EventId): Set<EventId> {
    const before = new Set<EventId>()
    for (const id of prevEventIds(this.#dag.events.get(eventId)!.pdu)) {
      before.add(id)
      if (this.softFailed.has(id)) for (const earlier of this.#before(id)) before.add(earlier)
    }
    return before
  }
}
