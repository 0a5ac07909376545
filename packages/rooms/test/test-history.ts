import type { EventId, JsonObject } from '@hearth/protocol'
import {
  authorize,
  authTypesFor,
  resolveLoaded,
  roomVersions,
  stateTupleKey,
  type EventReference,
  type Pdu,
  type RoomEvent,
  type RoomVersion,
  type RoomVersionId,
  type StateMap,
} from '../src/index.ts'

/** An event of a history, as a test writes it. */
export interface HistoryEvent {
  /** The event id without its sigil. */
  readonly id: string
  readonly sender: string
  readonly type: string
  /** The empty string by default. */
  readonly key?: string
  readonly content?: JsonObject
  /** The ids of the previous events; by default, the event that was added last. */
  readonly after?: readonly string[]
  /** Milliseconds; by default, the number of events before. */
  readonly ts?: number
  /** The ids of the auth events; by default, those that the selection names in the state before. */
  readonly auth?: readonly string[]
}

/** A room whose history may fork. Its ids are chosen by the test. Every event must be allowed where it is added. */
export class TestHistory {
  readonly version: RoomVersion
  readonly events = new Map<EventId, RoomEvent>()
  readonly #states = new Map<EventId, StateMap>()
  #last: EventId | undefined

  constructor(versionId: RoomVersionId) {
    this.version = roomVersions[versionId]
  }

  /** Adds an event to the history. */
  add({ id, sender, type, key = '', content = {}, after, ts = this.events.size, auth }: HistoryEvent): EventId {
    const eventId = this.id(id)
    const previous = after?.map((each) => this.id(each)) ?? (this.#last === undefined ? [] : [this.#last])
    const state = this.resolve(...previous)
    const depths = previous.map((each) => this.events.get(each)!.pdu.depth)
    const pdu: Pdu = {
      type,
      sender,
      state_key: key,
      content,
      depth: Math.max(0, ...depths) + 1,
      origin_server_ts: ts,
      prev_events: previous.map((each) => this.#reference(each)),
      auth_events: [],
      hashes: { sha256: '' },
      signatures: {},
    }
    if (this.version.roomIds === 'assigned') pdu.room_id = '!room:hs1'
    else if (type !== 'm.room.create') pdu.room_id = '!create'
    pdu.auth_events = (auth?.map((each) => this.id(each)) ?? this.#authEvents(pdu, state)).map((each) =>
      this.#reference(each),
    )

    const event = { eventId, pdu }
    const verdict = authorize(this.version, event, (eventType, stateKey) =>
      this.events.get(state.get(stateTupleKey(eventType, stateKey))!),
    )
    if (!verdict.allowed) throw new Error(`${id} is not allowed by rule ${verdict.rule}: ${verdict.reason}`)
    this.events.set(eventId, event)
    this.#states.set(eventId, new Map([...state, [stateTupleKey(type, key), eventId]]))
    this.#last = eventId
    return eventId
  }

  /** The event id for a name that a test uses. */
  id(name: string): EventId {
    return (this.version.eventIds === 'assigned' ? `$${name}:hs1` : `$${name}`) as EventId
  }

  stateAfter(name: string): StateMap {
    return this.#states.get(this.id(name))!
  }

  /** A state of exactly these events. */
  stateOf(...names: string[]): StateMap {
    return new Map(
      names.map((name) => {
        const { pdu, eventId } = this.events.get(this.id(name))!
        return [stateTupleKey(pdu.type, pdu.state_key!), eventId]
      }),
    )
  }

  /** The state after all of these events. */
  resolve(...ids: EventId[]): StateMap {
    return this.resolveStates(ids.map((id) => this.#states.get(id)!))
  }

  resolveStates(states: readonly StateMap[]): StateMap {
    return resolveLoaded(this.version, states, (id) => this.events.get(id))
  }

  /** The name of the event under a key after some events. */
  winner(names: readonly string[], type: string, key: string = ''): string | undefined {
    return this.nameIn(this.resolve(...names.map((name) => this.id(name))), type, key)
  }

  /** The name of the event under a key of a state. */
  nameIn(state: StateMap, type: string, key: string = ''): string | undefined {
    return state.get(stateTupleKey(type, key))?.slice(1).replace(/:hs1$/, '')
  }

  #authEvents(pdu: Pdu, state: StateMap): EventId[] {
    return authTypesFor(this.version, pdu).flatMap(([type, stateKey]) => state.get(stateTupleKey(type, stateKey)) ?? [])
  }

  #reference(id: EventId): EventReference {
    return this.version.references === 'id' ? id : [id, { sha256: '' }]
  }
}

/** A public room that alice has created: she has level 100, bob has 50, and charlie has joined as well. */
export function publicRoom(versionId: RoomVersionId): TestHistory {
  const history = new TestHistory(versionId)
  const creator = history.version.creators === 'content' ? { creator: alice } : {}
  const aliceLevel = history.version.creatorsHaveInfinitePower ? {} : { [alice]: 100 }
  history.add({ id: 'create', sender: alice, type: 'm.room.create', content: { room_version: versionId, ...creator } })
  history.add({ id: 'join-alice', ...membership(alice, 'join') })
  history.add({
    id: 'power',
    sender: alice,
    type: 'm.room.power_levels',
    content: { users: { ...aliceLevel, [bob]: 50 } },
  })
  history.add({ id: 'rules', sender: alice, type: 'm.room.join_rules', content: { join_rule: 'public' } })
  history.add({ id: 'join-bob', ...membership(bob, 'join') })
  history.add({ id: 'join-charlie', ...membership(charlie, 'join') })
  return history
}

export const alice = '@alice:hs1'
export const bob = '@bob:hs1'
export const charlie = '@charlie:hs1'
export const ella = '@ella:hs1'

/** A change of membership, for `add`. */
export function membership(sender: string, value: string, target: string = sender): Omit<HistoryEvent, 'id'> {
  return { sender, type: 'm.room.member', key: target, content: { membership: value } }
}

/** Power levels with these users and, where they may be named, alice at 100. */
export function powerLevels(history: TestHistory, sender: string, users: JsonObject): Omit<HistoryEvent, 'id'> {
  const aliceLevel = history.version.creatorsHaveInfinitePower ? {} : { [alice]: 100 }
  return { sender, type: 'm.room.power_levels', content: { users: { ...aliceLevel, ...users } } }
}
