import type { StateMap } from '@hearth/store'
import type { Window } from './room-window.ts'

/** The states that a part of a room's timeline lies between. */
export interface WindowStates {
  /** The state that the client has; undefined when it has none. */
  readonly base: StateMap | undefined
  /** Just before the first event of the timeline. */
  readonly start: StateMap
  /** After the whole part. */
  readonly end: StateMap
}

export interface StateDeltaOptions {
  /** All of the state, not only what changed. */
  readonly isFull: boolean
  /** The state after the timeline instead of the state before it. */
  readonly isAfter: boolean
  /** The type whose events are left out of a full state: lazily loaded members. */
  readonly lazyTypeNid: number | undefined
}

/** The state events that a client is to be sent with a part of a room's timeline, one a key. */
export class StateDelta {
  /** The state that the client has when it has applied them. */
  readonly target: StateMap
  /** Whether all of the target is sent, but for the type that is left out. */
  readonly #isFull: boolean
  readonly #lazyTypeNid: number | undefined
  /** What is sent besides, or instead. */
  readonly #byKey = new Map<number, number>()
  readonly #replaced = new Set<number>()

  constructor({ base, start, end }: WindowStates, window: Window, options: StateDeltaOptions) {
    this.target = options.isAfter ? end : start
    this.#isFull = options.isFull || base === undefined
    this.#lazyTypeNid = options.lazyTypeNid
    // Of lazily loaded members those that changed are part of a full state too.
    if (base !== undefined) this.#addChanges(base, this.target)
    // What the timeline does not show has to be told here, although it came after the timeline's beginning.
    if (!options.isAfter && window.hasHoles) {
      this.#addChanges(start, end, new Set(window.events.map(({ nid }) => nid)))
    }
  }

  get nids(): number[] {
    const changed = [...this.#byKey.values()]
    if (!this.#isFull) return changed
    const all = this.#lazyTypeNid === undefined ? this.target.nids() : this.target.nidsWithout(this.#lazyTypeNid)
    return [...all.filter((nid) => !this.#replaced.has(nid)), ...changed]
  }

  has(typeNid: number, stateKeyNid: number): boolean {
    if (this.#byKey.has(keyOf(typeNid, stateKeyNid))) return true
    return this.#isFull && typeNid !== this.#lazyTypeNid && this.target.get(typeNid, stateKeyNid) !== undefined
  }

  set(typeNid: number, stateKeyNid: number, nid: number): void {
    this.#byKey.set(keyOf(typeNid, stateKeyNid), nid)
    const replaced = this.target.get(typeNid, stateKeyNid)
    if (replaced !== undefined) this.#replaced.add(replaced)
  }

  #addChanges(from: StateMap, to: StateMap, shown?: ReadonlySet<number>): void {
    for (const { typeNid, stateKeyNid, after } of from.diff(to)) {
      if (after === undefined || shown?.has(after)) continue
      this.set(typeNid, stateKeyNid, after)
    }
  }
}

function keyOf(typeNid: number, stateKeyNid: number): number {
  return typeNid * 2 ** 32 + stateKeyNid
}
