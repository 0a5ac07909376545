import type { SigningKey } from '@hearth/crypto'
import type { EventId, JsonObject } from '@hearth/protocol'
import {
  authorize,
  authTypesFor,
  buildEvent,
  eventId,
  prevEventIds,
  referenceTo,
  resolveLoaded,
  roomIdOf,
  roomVersions,
  stateTupleKey,
  type EventDraft,
  type Pdu,
  type RoomEvent,
  type RoomVersion,
  type RoomVersionId,
  type StateMap,
} from '../src/index.ts'
import { SeededRandom } from './seeded-random.ts'

const founder = '@alice:hs1'
const users = [founder, '@bob:hs1', '@carol:hs2', '@dave:hs2', '@erin:hs3', '@frank:hs3'] as const
const servers = ['hs1', 'hs2', 'hs3'] as const

type KeyOf = (serverName: string) => SigningKey
type Change = Pick<EventDraft, 'type' | 'sender' | 'state_key' | 'content'>

/**
 * A room as it comes about between servers that send events while they have not seen all of one another's: the events
 * after one another name all that their server knew as previous ones. Every event is allowed in the state before it.
 */
export class RandomDag {
  readonly version: RoomVersion
  /** In the order in which they were made, which is one that servers might receive them in. */
  readonly events = new Map<EventId, RoomEvent>()
  readonly #random: SeededRandom
  readonly #name: string
  readonly #keyOf: KeyOf | undefined
  readonly #statesAfter = new Map<EventId, StateMap>()
  readonly #ancestors = new Map<EventId, ReadonlySet<EventId>>()
  /** By server, the events that it knows none after. */
  readonly #heads = new Map<string, readonly EventId[]>()

  /**
   * The same seed makes the same room, but for its name: that of its id and, where servers choose them, of event ids. With
   * `keyOf`, the events have their right hashes and signatures.
   */
  constructor(versionId: RoomVersionId, seed: number, size: number = 30, name: string = 'room', keyOf?: KeyOf) {
    this.version = roomVersions[versionId]
    this.#name = name
    this.#keyOf = keyOf
    this.#random = new SeededRandom(seed)
    this.#found()
    for (let tries = size * 10; this.events.size < size && tries > 0; tries--) {
      const server = this.#random.pick(servers)
      if (this.#random.chance(0.15)) this.#receive(server, this.#random.pick(servers))
      else this.#send(server, this.#someChange(server))
    }
    for (const server of servers) this.#receive('hs1', server)
  }

  /** The events that no other comes after. */
  get heads(): readonly EventId[] {
    return this.#heads.get('hs1')!
  }

  stateAfter(id: EventId): StateMap {
    return this.#statesAfter.get(id)!
  }

  /** The state after some events that are each other's forks. */
  resolve(ids: readonly EventId[]): StateMap {
    const states = ids.map((id) => this.stateAfter(id))
    return resolveLoaded(this.version, states, (id) => this.events.get(id))
  }

  #found(): void {
    const { version } = this
    const content = { room_version: version.id, ...(version.creators === 'content' && { creator: founder }) }
    this.#send('hs1', { type: 'm.room.create', sender: founder, state_key: '', content })
    this.#send('hs1', member(founder, founder, 'join'))
    const levels = version.creatorsHaveInfinitePower ? {} : { [founder]: 100 }
    const power = { users: { ...levels, '@carol:hs2': 50, '@erin:hs3': 50 } }
    this.#send('hs1', { type: 'm.room.power_levels', sender: founder, state_key: '', content: power })
    const rule = { join_rule: 'public' }
    this.#send('hs1', { type: 'm.room.join_rules', sender: founder, state_key: '', content: rule })
    for (const user of users.slice(1)) this.#send('hs1', member(user, user, 'join'))
    for (const server of servers) this.#receive(server, 'hs1')
  }

  /** Lets one server have all that another has. */
  #receive(server: string, from: string): void {
    const heads = new Set([...(this.#heads.get(server) ?? []), ...(this.#heads.get(from) ?? [])])
    const latest = [...heads].filter((id) => ![...heads].some((other) => this.#ancestors.get(other)!.has(id)))
    this.#heads.set(server, latest)
  }

  #send(server: string, change: Change): void {
    const heads = this.#heads.get(server) ?? []
    const state = this.resolve(heads)
    const lookup = (type: string, stateKey: string) => this.events.get(state.get(stateTupleKey(type, stateKey))!)
    const event = this.#build(change, heads, lookup)
    if (!authorize(this.version, event, lookup).allowed) return

    this.events.set(event.eventId, event)
    const isState = change.state_key !== undefined
    const key = stateTupleKey(change.type, change.state_key ?? '')
    this.#statesAfter.set(event.eventId, isState ? new Map([...state, [key, event.eventId]]) : state)
    const before = prevEventIds(event.pdu).flatMap((id) => [id, ...this.#ancestors.get(id)!])
    this.#ancestors.set(event.eventId, new Set(before))
    this.#heads.set(server, [event.eventId])
  }

  #build(
    change: Change,
    heads: readonly EventId[],
    lookup: (type: string, stateKey: string) => RoomEvent | undefined,
  ): RoomEvent {
    const { version } = this
    const random = this.#random
    const previous = heads.map((id) => this.events.get(id)!)
    const create = lookup('m.room.create', '')
    const roomId = create === undefined ? `!${this.#name}:hs1` : roomIdOf(version, create)
    const isNamed = version.roomIds === 'assigned' || create !== undefined
    const authEvents = authTypesFor(version, change).flatMap(([type, stateKey]) => lookup(type, stateKey) ?? [])
    const draft: EventDraft = {
      ...change,
      ...(isNamed && { room_id: roomId }),
      depth: Math.max(0, ...previous.map((event) => event.pdu.depth)) + 1,
      // Few times, so that many are equal.
      origin_server_ts: 1_000 + random.integer(0, 9),
      prev_events: previous.map((event) => referenceTo(version, event)),
      auth_events: authEvents.map((event) => referenceTo(version, event)),
    }
    if (this.#keyOf !== undefined) {
      const serverName = change.sender.slice(change.sender.indexOf(':') + 1)
      return buildEvent(version, draft, { serverName, signingKey: this.#keyOf(serverName) })
    }
    const pdu: Pdu = {
      ...draft,
      ...(version.eventIds === 'assigned' && { event_id: `$${random.integer(0, 2 ** 30)}.${this.#name}:hs1` }),
      hashes: { sha256: `${random.integer(0, 2 ** 30)}` },
      signatures: {},
    }
    return { eventId: eventId(version, pdu), pdu }
  }

  #someChange(server: string): Change {
    const random = this.#random
    const sender = random.pick(users.filter((user) => user.endsWith(server)))
    const target = random.pick(users)
    const state = (type: string, content: JsonObject) => ({ type, sender, state_key: '', content })
    const power = () => state('m.room.power_levels', this.#somePowerLevels(server))
    return random.weighted<() => Change>([
      [2, () => member(sender, sender, 'join', { displayname: `${random.integer(0, 99)}` })],
      [1, () => member(sender, sender, 'leave')],
      [1, () => member(sender, target, 'invite')],
      [2, () => member(sender, target, 'leave')],
      [3, () => member(sender, target, 'ban')],
      [4, power],
      [2, () => state('m.room.join_rules', { join_rule: random.pick(['public', 'invite', 'knock', 'restricted']) })],
      [3, () => state('m.room.topic', { topic: `${random.integer(0, 99)}` })],
      [2, () => ({ type: 'm.room.message', sender, content: { body: 'hello' } })],
    ])()
  }

  #somePowerLevels(server: string): JsonObject {
    const state = this.resolve(this.#heads.get(server)!)
    const old = this.events.get(state.get(stateTupleKey('m.room.power_levels', ''))!)?.pdu.content ?? {}
    const levels = { ...(old['users'] as JsonObject) }
    levels[this.#random.pick(users)] = this.#random.pick([0, 25, 50, 50, 100])
    if (this.version.creatorsHaveInfinitePower) delete levels[founder]
    return { ...old, users: levels, state_default: this.#random.pick([0, 25, 50]) }
  }
}

function member(sender: string, target: string, membership: string, content: JsonObject = {}): Change {
  return { type: 'm.room.member', sender, state_key: target, content: { membership, ...content } }
}
