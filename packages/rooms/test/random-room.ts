import type { EventId, JsonObject } from '@hearth/protocol'
import {
  authorize,
  authTypesFor,
  referenceTo,
  resolveLoaded,
  roomIdOf,
  roomVersions,
  stateTupleKey,
  type EventDraft,
  type RoomEvent,
  type RoomVersion,
  type RoomVersionId,
  type StateMap,
} from '../src/index.ts'
import { identifiedEvent } from './identified-event.ts'
import { SeededRandom } from './seeded-random.ts'

const users = ['@alice:hs1', '@bob:hs1', '@carol:hs2', '@dave:hs2', '@erin:hs3', '@frank:hs3', '@grace:hs1'] as const
const creator = users[0]

/** States of the same room, and what they were resolved to. */
export interface Resolution {
  readonly states: readonly StateMap[]
  readonly resolved: StateMap
}

/** The end of a branch of the room's history. */
interface Head {
  readonly event: RoomEvent
  readonly state: StateMap
}

type EventFields = Pick<EventDraft, 'type' | 'sender' | 'content'> & { readonly state_key: string }

/**
 * A room with a random history of state events: it forks into branches in which people struggle for power, ban and
 * kick, come and go and change names; the branches are resolved, and it forks again. Every event has its true id and is
 * allowed in the state of its branch; times go back and forth, and some are equal.
 */
export class RandomRoom {
  readonly version: RoomVersion
  readonly seed: number
  readonly events = new Map<EventId, RoomEvent>()
  readonly resolutions: Resolution[] = []
  readonly #random: SeededRandom
  readonly #heads: Head[] = []

  /** The same seed makes the same room. */
  constructor(versionId: RoomVersionId, seed: number) {
    this.version = roomVersions[versionId]
    this.seed = seed
    this.#random = new SeededRandom(seed)
    const random = this.#random
    const start = this.#found()
    let base = [start]
    for (let round = random.integer(1, 3); round > 0; round--) {
      const branches = Array.from({ length: random.integer(2, 4) }, () => this.#grow(this.#forkPoint(base)))
      this.#heads.push(...branches)
      base = [this.#merge(branches)]
    }
  }

  /** The event under that id, for `resolveLoaded`. */
  readonly event = (id: EventId): RoomEvent | undefined => this.events.get(id)

  #found(): Head {
    const { version } = this
    const named = version.creators === 'content' ? { creator } : {}
    const additional = version.creatorsHaveInfinitePower && this.#random.chance(0.3) ? [users[1]] : []
    let head = this.#create({
      room_version: version.id,
      ...named,
      ...(additional.length > 0 && { additional_creators: additional }),
    })
    const send = (fields: EventFields) => (head = this.#send(head, fields) ?? head)
    send(member(creator, creator, 'join'))
    if (this.#random.chance(0.9)) {
      const levels = version.creatorsHaveInfinitePower ? {} : { [creator]: 100 }
      const content = { users: levels, state_default: this.#random.pick([0, 50]), ...this.#defaults() }
      send({ type: 'm.room.power_levels', sender: creator, state_key: '', content })
    }
    send({ type: 'm.room.join_rules', sender: creator, state_key: '', content: { join_rule: 'public' } })
    for (const user of users.slice(1, this.#random.integer(3, 6))) send(member(user, user, 'join'))
    for (let step = 0; step < 3; step++) send(this.#powerLevels(head, creator))
    this.#heads.push(head)
    return head
  }

  #create(content: JsonObject): Head {
    const draft: EventDraft = {
      type: 'm.room.create',
      sender: creator,
      state_key: '',
      content,
      depth: 1,
      origin_server_ts: 1000,
      prev_events: [],
      auth_events: [],
      ...(this.version.roomIds === 'assigned' && { room_id: '!room:hs1' }),
    }
    const event = this.#add(draft)
    return { event, state: new Map([[stateTupleKey('m.room.create', ''), event.eventId]]) }
  }

  /** Mostly where the branches before were merged, at times somewhere earlier. */
  #forkPoint(base: readonly Head[]): Head {
    return this.#random.pick(this.#random.chance(0.85) ? base : this.#heads)
  }

  #grow(from: Head): Head {
    let head = from
    for (let events = this.#random.integer(1, 8), tries = events * 4; events > 0 && tries > 0; tries--) {
      const next = this.#send(head, this.#someChange(head))
      if (next === undefined) continue
      head = next
      events--
      if (this.#random.chance(0.2)) this.#heads.push(head)
    }
    return head
  }

  #merge(branches: readonly Head[]): Head {
    const states = branches.map(({ state }) => state)
    const resolved = resolveLoaded(this.version, states, this.event)
    this.resolutions.push({ states, resolved })
    const deepest = branches.reduce((a, b) => (b.event.pdu.depth > a.event.pdu.depth ? b : a))
    return { event: deepest.event, state: resolved }
  }

  /** The event after `head`, unless the rules refuse it there. */
  #send(head: Head, fields: EventFields): Head | undefined {
    const lookup = (type: string, stateKey: string) => {
      const id = head.state.get(stateTupleKey(type, stateKey))
      return id === undefined ? undefined : this.events.get(id)
    }
    const authEvents = authTypesFor(this.version, fields).flatMap(([type, stateKey]) => lookup(type, stateKey) ?? [])
    const random = this.#random
    const draft: EventDraft = {
      ...fields,
      room_id: roomIdOf(this.version, lookup('m.room.create', '')!),
      depth: head.event.pdu.depth + 1,
      origin_server_ts: 1000 + random.integer(0, 30),
      prev_events: [referenceTo(this.version, head.event)],
      auth_events: authEvents.map((event) => referenceTo(this.version, event)),
    }
    const event = identifiedEvent(this.version, draft, this.#random)
    if (!authorize(this.version, event, lookup).allowed) return undefined
    this.events.set(event.eventId, event)
    const state = new Map(head.state).set(stateTupleKey(fields.type, fields.state_key), event.eventId)
    return { event, state }
  }

  #someChange(head: Head): EventFields {
    const random = this.#random
    const sender = random.pick(users)
    const target = random.pick(users)
    const change = random.weighted([
      [4, 'name'],
      [3, 'join'],
      [1, 'leave'],
      [2, 'invite'],
      [2, 'kick'],
      [3, 'ban'],
      [4, 'power'],
      [2, 'rule'],
      [3, 'state'],
      [1, 'knock'],
      [1, 'authorised-join'],
    ] as const)
    switch (change) {
      case 'name':
        return member(sender, sender, 'join', { displayname: `${sender} ${random.integer(0, 99)}` })
      case 'join':
        return member(sender, sender, 'join')
      case 'leave':
        return member(sender, sender, 'leave')
      case 'knock':
        return member(sender, sender, 'knock')
      case 'authorised-join':
        return member(sender, sender, 'join', { join_authorised_via_users_server: target })
      case 'invite':
        return member(sender, target, 'invite')
      case 'kick':
        return member(this.#mighty(head, sender), target, 'leave')
      case 'ban':
        return member(this.#mighty(head, sender), target, 'ban')
      case 'power':
        return this.#powerLevels(head, this.#mighty(head, sender))
      case 'rule':
        return this.#joinRules(this.#mighty(head, sender))
      case 'state':
        return this.#otherState(this.#mighty(head, sender))
    }
  }

  /** Somebody with power, most of the time: the others would not get far. */
  #mighty(head: Head, other: string): string {
    if (this.#random.chance(0.2)) return other
    const levels = this.#levelsIn(head)
    const mighty = [creator, ...Object.keys(levels).filter((user) => Number(levels[user]) >= 50)]
    return this.#random.pick(mighty)
  }

  #powerLevels(head: Head, sender: string): EventFields {
    const random = this.#random
    const levels = { ...this.#levelsIn(head) }
    const user = random.pick(users)
    if (random.chance(0.15)) delete levels[user]
    else levels[user] = random.pick([0, 0, 40, 50, 50, 75, 100, 100])
    const old = this.#contentIn(head, 'm.room.power_levels') ?? {}
    const content = { ...old, users: levels, ...(random.chance(0.2) && this.#defaults()) }
    return { type: 'm.room.power_levels', sender, state_key: '', content }
  }

  #defaults(): JsonObject {
    const random = this.#random
    const level = random.pick([0, 25, 50, 75])
    return random.pick<JsonObject>([
      {},
      { users_default: random.pick([0, 10, 50]) },
      { ban: level },
      { kick: level },
      { invite: level },
      { events: { 'm.room.topic': level, 'm.room.power_levels': random.pick([50, 100]) } },
      ...(this.version.integerPowerLevels ? [] : [{ ban: String(level), state_default: '50' }]),
    ])
  }

  #joinRules(sender: string): EventFields {
    const rule = this.#random.pick(['public', 'public', 'invite', 'knock', 'restricted', 'knock_restricted', 'private'])
    return { type: 'm.room.join_rules', sender, state_key: '', content: { join_rule: rule } }
  }

  #otherState(sender: string): EventFields {
    const type = this.#random.pick(['m.room.topic', 'm.room.name', 'org.example.state'])
    const stateKey = type === 'org.example.state' ? this.#random.pick(['', 'a', sender]) : ''
    return { type, sender, state_key: stateKey, content: { value: this.#random.integer(0, 999) } }
  }

  #levelsIn(head: Head): JsonObject {
    return (this.#contentIn(head, 'm.room.power_levels')?.['users'] as JsonObject | undefined) ?? {}
  }

  #contentIn(head: Head, type: string): JsonObject | undefined {
    const id = head.state.get(stateTupleKey(type, ''))
    return id === undefined ? undefined : this.events.get(id)?.pdu.content
  }

  #add(draft: EventDraft): RoomEvent {
    const event = identifiedEvent(this.version, draft, this.#random)
    this.events.set(event.eventId, event)
    return event
  }
}

function member(sender: string, target: string, membership: string, content: JsonObject = {}): EventFields {
  return { type: 'm.room.member', sender, state_key: target, content: { membership, ...content } }
}
