import type { RoomEvent } from '../events/pdu.ts'
import type { EventHandle } from './auth-graph.ts'
import type { HandledEvent } from './resolution-source.ts'

/** An entry of a room's state. */
export interface StateEntry<Id extends EventHandle> {
  readonly type: string
  readonly stateKey: string
  readonly id: Id
}

/** The state that a resolution builds up, on top of what it started from. */
export class ResolvingState<Id extends EventHandle> {
  readonly #byType = new Map<string, Map<string, HandledEvent<Id>>>()

  get(type: string, stateKey: string): HandledEvent<Id> | undefined {
    return this.#byType.get(type)?.get(stateKey)
  }

  set(entry: HandledEvent<Id>): void {
    const { type, state_key: stateKey } = entry.event.pdu
    const ofType = this.#byType.get(type) ?? new Map<string, HandledEvent<Id>>()
    this.#byType.set(type, ofType.set(stateKey!, entry))
  }

  event(type: string, stateKey: string): RoomEvent | undefined {
    return this.get(type, stateKey)?.event
  }

  *entries(): Iterable<StateEntry<Id>> {
    for (const [type, ofType] of this.#byType) {
      for (const [stateKey, { id }] of ofType) yield { type, stateKey, id }
    }
  }
}
