/**
 * State resolution written down once more, straight from the specification's definitions and without a thought for
 * speed, to compare the real one with. It shares the authorization rules with it and nothing else.
 */
import { createHash } from 'node:crypto'
import type { EventId } from '@hearth/protocol'
import {
  authEventIds,
  authorize,
  creatorsOf,
  PowerLevels,
  stateTupleKey,
  type RoomEvent,
  type RoomVersion,
  type StateMap,
} from '@hearth/rooms'

export class SlowResolution {
  readonly #version: RoomVersion
  readonly #events: ReadonlyMap<EventId, RoomEvent>
  readonly #create: RoomEvent

  constructor(version: RoomVersion, events: ReadonlyMap<EventId, RoomEvent>) {
    this.#version = version
    this.#events = events
    this.#create = [...events.values()].find(({ pdu }) => pdu.type === 'm.room.create')!
  }

  resolve(states: readonly StateMap[]): StateMap {
    return this.#version.stateResolution === 'v1' ? this.#resolveV1(states) : this.#resolveV2(states)
  }

  #resolveV2(states: readonly StateMap[]): StateMap {
    const keys = new Set(states.flatMap((state) => [...state.keys()]))
    const unconflicted = new Map<string, EventId>()
    const conflicted = new Set<EventId>()
    for (const key of keys) {
      const ids = new Set(states.map((state) => state.get(key)))
      const [id] = ids
      if (ids.size === 1) unconflicted.set(key, id!)
      else for (const each of ids) if (each !== undefined) conflicted.add(each)
    }
    if (conflicted.size === 0) return unconflicted

    // The chain of a state holds the events of the state here, as everywhere.
    const chains = states.map((state) => this.#withChain([...state.values()]))
    const union = new Set(chains.flatMap((chain) => [...chain]))
    const difference = [...union].filter((id) => !chains.every((chain) => chain.has(id)))
    const full = new Set([...conflicted, ...difference])
    const isV21 = this.#version.stateResolution === 'v2.1'
    if (isV21) for (const id of this.#subgraph(conflicted)) full.add(id)

    const power = this.#powerOrder(full)
    const start = isV21 ? new Map<string, EventId>() : unconflicted
    const partial = this.#check(start, power)
    const rest = [...full].filter((id) => !power.includes(id))
    const mainline = this.#mainlineOrder(partial.get(stateTupleKey('m.room.power_levels', '')), rest)
    return new Map([...this.#check(partial, mainline), ...unconflicted])
  }

  #withChain(ids: readonly EventId[]): Set<EventId> {
    const chain = new Set<EventId>()
    const visit = (id: EventId) => {
      if (chain.has(id)) return
      chain.add(id)
      this.#authEvents(id).forEach(visit)
    }
    ids.forEach(visit)
    return chain
  }

  #subgraph(conflicted: ReadonlySet<EventId>): EventId[] {
    const below = this.#withChain([...conflicted])
    return [...below].filter((id) => [...this.#withChain([id])].some((each) => conflicted.has(each)))
  }

  #powerOrder(full: ReadonlySet<EventId>): EventId[] {
    const chosen = new Set<EventId>()
    const choose = (id: EventId) => {
      if (!full.has(id) || chosen.has(id)) return
      chosen.add(id)
      this.#authEvents(id).forEach(choose)
    }
    for (const id of full) if (this.#isPower(id)) choose(id)

    const ordered: EventId[] = []
    while (ordered.length < chosen.size) {
      const ready = [...chosen].filter(
        (id) =>
          !ordered.includes(id) && this.#authEvents(id).every((each) => !chosen.has(each) || ordered.includes(each)),
      )
      ordered.push(ready.reduce((a, b) => (this.#isBefore(a, b) ? a : b)))
    }
    return ordered
  }

  #isPower(id: EventId): boolean {
    const { type, sender, state_key: stateKey, content } = this.#event(id).pdu
    if (type === 'm.room.member')
      return ['leave', 'ban'].includes(content['membership'] as string) && sender !== stateKey
    return ['m.room.power_levels', 'm.room.join_rules', 'm.room.create'].includes(type) && stateKey === ''
  }

  #isBefore(a: EventId, b: EventId): boolean {
    const [levelA, levelB] = [this.#senderLevel(a), this.#senderLevel(b)]
    return levelA === levelB ? this.#isEarlier(a, b) : levelA > levelB
  }

  #isEarlier(a: EventId, b: EventId): boolean {
    const [timeA, timeB] = [a, b].map((id) => this.#event(id).pdu.origin_server_ts) as [number, number]
    return timeA === timeB ? Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 : timeA < timeB
  }

  #senderLevel(id: EventId): number {
    const powerLevels = this.#powerLevelsOf(id)
    return new PowerLevels({
      version: this.#version,
      content: powerLevels === undefined ? undefined : this.#event(powerLevels).pdu.content,
      creators: creatorsOf(this.#version, this.#create),
    }).of(this.#event(id).pdu.sender)
  }

  #mainlineOrder(powerLevels: EventId | undefined, ids: readonly EventId[]): EventId[] {
    const mainline: EventId[] = []
    for (let id = powerLevels; id !== undefined; id = this.#powerLevelsOf(id)) mainline.push(id)
    const position = (id: EventId): number => {
      for (let each = this.#powerLevelsOf(id); each !== undefined; each = this.#powerLevelsOf(each)) {
        if (mainline.includes(each)) return mainline.indexOf(each)
      }
      return Infinity
    }
    return [...ids].sort((a, b) => {
      const [positionA, positionB] = [position(a), position(b)]
      if (positionA !== positionB) return positionA > positionB ? -1 : 1
      return this.#isEarlier(a, b) ? -1 : 1
    })
  }

  #check(start: StateMap, ids: readonly EventId[]): Map<string, EventId> {
    const state = new Map(start)
    for (const id of ids) {
      const event = this.#event(id)
      const lookup = new Map<string, RoomEvent>([[stateTupleKey('m.room.create', ''), this.#create]])
      for (const each of this.#authEvents(id)) lookup.set(this.#keyOf(each), this.#event(each))
      for (const [key, each] of state) lookup.set(key, this.#event(each))
      const { allowed } = authorize(this.#version, event, (type, key) => lookup.get(stateTupleKey(type, key)))
      if (allowed) state.set(this.#keyOf(id), id)
    }
    return state
  }

  #resolveV1(states: readonly StateMap[]): StateMap {
    const resolved = new Map<string, EventId>()
    const conflicts = new Map<string, EventId[]>()
    for (const key of new Set(states.flatMap((state) => [...state.keys()]))) {
      const ids = [...new Set(states.flatMap((state) => state.get(key) ?? []))]
      if (ids.length === 1) resolved.set(key, ids[0]!)
      else
        conflicts.set(
          key,
          ids.sort((a, b) => this.#byDepth(a, b)),
        )
    }

    for (const type of ['m.room.power_levels', 'm.room.join_rules', 'm.room.member']) {
      const pass = [...conflicts].filter(([, ids]) => this.#event(ids[0]!).pdu.type === type)
      const winners = pass.map(([key, ids]): [string, EventId] => {
        let winner = ids[0]!
        for (const id of ids.slice(1)) {
          if (!this.#isAllowed(id, new Map([...resolved, [key, winner]]))) break
          winner = id
        }
        return [key, winner]
      })
      for (const [key, winner] of winners) {
        resolved.set(key, winner)
        conflicts.delete(key)
      }
    }
    const before = new Map(resolved)
    for (const [key, ids] of conflicts) {
      resolved.set(key, [...ids].reverse().find((id) => this.#isAllowed(id, before)) ?? ids[0]!)
    }
    return resolved
  }

  #isAllowed(id: EventId, state: StateMap): boolean {
    return authorize(this.#version, this.#event(id), (type, key) => {
      const each = state.get(stateTupleKey(type, key))
      return each === undefined ? undefined : this.#event(each)
    }).allowed
  }

  /** By ascending depth, then by descending SHA-1 hash. */
  #byDepth(a: EventId, b: EventId): number {
    const [depthA, depthB] = [this.#event(a).pdu.depth, this.#event(b).pdu.depth]
    const [hashA, hashB] = [a, b].map((id) => createHash('sha1').update(id).digest('hex')) as [string, string]
    return depthA - depthB || (hashA > hashB ? -1 : 1)
  }

  #event(id: EventId): RoomEvent {
    return this.#events.get(id)!
  }

  #authEvents(id: EventId): readonly EventId[] {
    return authEventIds(this.#event(id).pdu)
  }

  #powerLevelsOf(id: EventId): EventId | undefined {
    return this.#authEvents(id).find((each) => this.#keyOf(each) === stateTupleKey('m.room.power_levels', ''))
  }

  #keyOf(id: EventId): string {
    const { type, state_key: stateKey } = this.#event(id).pdu
    return stateTupleKey(type, stateKey!)
  }
}
