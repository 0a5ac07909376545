import type { EventId } from '@hearth/protocol'
import {
  authGraphOf,
  planResolution,
  resolveState,
  roomVersions,
  splitConflicted,
  stateTupleKey,
  unconflictedNeeded,
  type EventReference,
  type Pdu,
  type RoomEvent,
  type RoomVersion,
  type RoomVersionId,
  type StateEntry,
  type StateMap,
} from '../src/index.ts'

const roomId = '!create'
const creator = '@creator:hs1'

/** A public room of many members, with two forks that differ in some members' names and in the topic. */
export class BigRoom {
  readonly version: RoomVersion
  readonly events = new Map<EventId, RoomEvent>()
  readonly states: readonly StateMap[]

  constructor(versionId: RoomVersionId, { members, conflicts }: { members: number; conflicts: number }) {
    this.version = roomVersions[versionId]
    const base = new Map<string, EventId>()
    const create = this.#add(base, 'create', 'm.room.create', creator, '', [], { room_version: versionId })
    const isNamed = this.version.createIsAuthEvent ? [create] : []
    const join = { membership: 'join' }
    const founder = this.#add(base, 'founder', 'm.room.member', creator, creator, isNamed, join)
    const levels = this.version.creatorsHaveInfinitePower ? {} : { [creator]: 100 }
    const power = this.#add(base, 'power', 'm.room.power_levels', creator, '', [...isNamed, founder], { users: levels })
    const common = [...isNamed, power]
    const rules = this.#add(base, 'rules', 'm.room.join_rules', creator, '', [...common, founder], {
      join_rule: 'public',
    })
    const joins = Array.from({ length: members }, (_, i) =>
      this.#add(base, `join-${i}`, 'm.room.member', userOf(i), userOf(i), [...common, rules], join),
    )

    this.states = ['left', 'right'].map((side) => {
      const state = new Map(base)
      for (let i = 0; i < conflicts; i++) {
        const content = { membership: 'join', displayname: `${side} ${i}` }
        this.#add(state, `${side}-${i}`, 'm.room.member', userOf(i), userOf(i), [...common, rules, joins[i]!], content)
      }
      this.#add(state, `${side}-topic`, 'm.room.topic', creator, '', [...common, founder], { topic: side })
      return state
    })
  }

  /** Resolves the two forks as a server does, loading nothing but what it must, and counts what it asks for. */
  resolve(): { readonly entries: StateEntry<EventId>[]; readonly loaded: number; readonly lookups: number } {
    const { version, events } = this
    let lookups = 0
    const lookUp = (id: EventId) => {
      lookups++
      return events.get(id)
    }
    const conflict = splitConflicted(version, this.states)
    const graph = authGraphOf(lookUp)
    const plan = planResolution(version, conflict, graph)
    const source = {
      graph,
      event: lookUp,
      unconflicted: (type: string, stateKey: string) => conflict.unconflictedState.get(stateTupleKey(type, stateKey)),
    }
    const loaded = new Set([...plan.eventsNeeded, ...unconflictedNeeded(version, plan, source)])
    return { entries: resolveState(version, plan, source), loaded: loaded.size, lookups }
  }

  #add(
    state: Map<string, EventId>,
    name: string,
    type: string,
    sender: string,
    stateKey: string,
    authEvents: EventId[],
    content: Pdu['content'],
  ): EventId {
    const eventId = `$${name}` as EventId
    const pdu: Pdu = {
      type,
      sender,
      room_id: roomId,
      state_key: stateKey,
      content,
      depth: this.events.size + 1,
      origin_server_ts: this.events.size,
      prev_events: type === 'm.room.create' ? [] : (['$previous'] as EventReference[]),
      auth_events: authEvents,
      hashes: { sha256: '' },
      signatures: {},
    }
    this.events.set(eventId, { eventId, pdu })
    state.set(stateTupleKey(type, stateKey), eventId)
    return eventId
  }
}

function userOf(i: number): string {
  return `@user${i}:hs${i % 100}`
}
