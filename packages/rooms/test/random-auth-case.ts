import { signJson, SigningKey } from '@hearth/crypto'
import type { JsonObject, JsonValue } from '@hearth/protocol'
import {
  referenceTo,
  roomIdOf,
  roomVersions,
  stateTupleKey,
  type EventDraft,
  type RoomEvent,
  type RoomVersion,
  type RoomVersionId,
  type StateLookup,
} from '../src/index.ts'
import { identifiedEvent } from './identified-event.ts'
import { SeededRandom } from './seeded-random.ts'

const users = ['@alice:hs1', '@bob:hs1', '@carol:hs2', '@dave:hs2', '@erin:hs3'] as const
const creator = users[0]
const memberships = ['join', 'invite', 'leave', 'ban', 'knock'] as const
const rules = ['public', 'invite', 'knock', 'restricted', 'knock_restricted', 'private'] as const
const types = ['m.room.message', 'm.room.name', 'm.room.topic', 'org.example.state'] as const
const inviteKeys = [1, 2].map((byte) => SigningKey.fromSeed('0', Buffer.alloc(32, byte))) as [SigningKey, SigningKey]

type Fields = Pick<EventDraft, 'type' | 'sender' | 'content'> & Partial<EventDraft>

/** A random state of a room, allowed or not, and random events that somebody wants to add to it. */
export class RandomAuthCase {
  readonly version: RoomVersion
  readonly seed: number
  readonly create: RoomEvent
  readonly state: readonly RoomEvent[]
  readonly candidates: readonly RoomEvent[]
  readonly #random: SeededRandom
  readonly #byKey = new Map<string, RoomEvent>()
  /** Whether the state is there, so that what is made now is only proposed. */
  #isComplete = false

  /** The same seed makes the same case. */
  constructor(versionId: RoomVersionId, seed: number, candidates: number) {
    this.version = roomVersions[versionId]
    this.seed = seed
    this.#random = new SeededRandom(seed)
    this.create = this.#createRoom()
    this.#fillState()
    this.state = [...this.#byKey.values()]
    this.#isComplete = true
    this.candidates = Array.from({ length: candidates }, () => this.#event(this.#candidate()))
  }

  readonly lookup: StateLookup = (type, stateKey) => this.#byKey.get(stateTupleKey(type, stateKey))

  #createRoom(): RoomEvent {
    const random = this.#random
    const draft: EventDraft = {
      type: 'm.room.create',
      sender: creator,
      state_key: '',
      content: {
        room_version: this.version.id,
        ...(this.version.creators === 'content' && { creator: random.chance(0.9) ? creator : users[2] }),
        ...(random.chance(0.3) && { 'm.federate': random.chance(0.5) }),
        ...(random.chance(0.3) && { additional_creators: [users[1], users[3]] }),
      },
      depth: 1,
      origin_server_ts: 1,
      prev_events: [],
      auth_events: [],
      ...(this.version.roomIds === 'assigned' && { room_id: '!room:hs1' }),
    }
    const create = identifiedEvent(this.version, draft, random)
    this.#byKey.set(stateTupleKey('m.room.create', ''), create)
    return create
  }

  #fillState(): void {
    const random = this.#random
    const set = (fields: Fields) => this.#byKey.set(stateTupleKey(fields.type, fields.state_key!), this.#event(fields))
    for (const user of users) {
      if (random.chance(0.2)) continue
      const membership = random.weighted([[6, 'join'] as const, ...this.#memberships.map((each) => [1, each] as const)])
      set({ type: 'm.room.member', sender: user, state_key: user, content: { membership } })
    }
    if (random.chance(0.8)) {
      set({ type: 'm.room.power_levels', sender: creator, state_key: '', content: this.#powerLevels({}) })
    }
    if (random.chance(0.85)) {
      const content = { join_rule: random.pick(rules) }
      set({ type: 'm.room.join_rules', sender: creator, state_key: '', content })
    }
    if (random.chance(0.4)) {
      const content = { display_name: 'Frank', public_key: inviteKeys[0].publicKey, key_validity_url: 'https://hs1/' }
      set({ type: 'm.room.third_party_invite', sender: random.pick(users), state_key: 'token', content })
    }
  }

  /** The memberships that a room of this version can have. */
  get #memberships(): readonly string[] {
    return this.version.joinRules.knockable.length > 0 ? memberships : memberships.filter((each) => each !== 'knock')
  }

  #candidate(): Fields {
    const random = this.#random
    const sender = random.pick(users)
    const kind = random.weighted([
      [10, 'member'],
      [4, 'power-levels'],
      [3, 'other'],
      [1, 'aliases'],
      [1, 'redaction'],
      [1, 'third-party-invite'],
      [1, 'third-party-member'],
    ] as const)
    switch (kind) {
      case 'member':
        return this.#member(sender)
      case 'power-levels': {
        const content = this.#powerLevels(this.lookup('m.room.power_levels', '')?.pdu.content ?? {})
        return { type: 'm.room.power_levels', sender, state_key: '', content }
      }
      case 'other': {
        const key = random.pick([undefined, '', 'a', sender, random.pick(users)])
        return { type: random.pick(types), sender, content: {}, ...(key !== undefined && { state_key: key }) }
      }
      case 'aliases': {
        const key = random.pick([undefined, '', 'hs1', 'hs2', 'hs3'])
        return { type: 'm.room.aliases', sender, content: {}, ...(key !== undefined && { state_key: key }) }
      }
      case 'redaction': {
        const redacts = random.pick(['$1:hs1', '$2:hs2', '$3:hs3'])
        return { type: 'm.room.redaction', sender, content: { redacts }, redacts }
      }
      case 'third-party-invite':
        return { type: 'm.room.third_party_invite', sender, state_key: 'token', content: {} }
      case 'third-party-member':
        return this.#thirdPartyMember(sender)
    }
  }

  #member(sender: string): Fields {
    const random = this.#random
    const target = random.chance(0.4) ? sender : random.pick(users)
    const membership = random.pick([...memberships, ...memberships, 'dance'])
    const isFirst = random.chance(0.1)
    return {
      type: 'm.room.member',
      sender,
      state_key: target,
      content: {
        membership,
        ...(random.chance(0.3) && { join_authorised_via_users_server: random.pick(users) }),
      },
      ...(isFirst && { prev_events: [referenceTo(this.version, this.create)] }),
    }
  }

  #thirdPartyMember(sender: string): Fields {
    const random = this.#random
    const target = random.pick(users)
    const signed = signJson(
      { mxid: random.chance(0.8) ? target : users[0], token: random.chance(0.8) ? 'token' : 'other' },
      'identity.example.org',
      random.chance(0.8) ? inviteKeys[0] : inviteKeys[1],
    )
    const content = { membership: 'invite', third_party_invite: { display_name: 'Frank', signed } }
    return { type: 'm.room.member', sender, state_key: target, content }
  }

  #powerLevels(old: JsonObject): JsonObject {
    const random = this.#random
    const content: JsonObject = { ...old }
    for (const name of ['users_default', 'events_default', 'state_default', 'ban', 'kick', 'redact', 'invite']) {
      if (random.chance(0.12)) content[name] = this.#level()
      else if (random.chance(0.05)) delete content[name]
    }
    content['users'] = this.#changed(old['users'], users, 0.3)
    if (random.chance(0.3)) content['events'] = this.#changed(old['events'], [...types, 'm.room.power_levels'], 0.3)
    if (random.chance(0.2)) content['notifications'] = this.#changed(old['notifications'], ['room', 'other'], 0.5)
    // The creators of room version 12 must not be among the users.
    if (this.version.creatorsHaveInfinitePower && random.chance(0.85)) {
      for (const user of [creator, users[1], users[3]]) delete content['users'][user]
    }
    return content
  }

  #changed(old: JsonValue | undefined, keys: readonly string[], probability: number): JsonObject {
    const changed: JsonObject = { ...(old as JsonObject | undefined) }
    for (const key of keys) {
      if (this.#random.chance(probability)) changed[key] = this.#level()
      else if (this.#random.chance(probability / 3)) delete changed[key]
    }
    return changed
  }

  #level(): JsonValue {
    const mayBeText = !this.version.integerPowerLevels || this.#isComplete
    const level = this.#random.pick([-1, 0, 0, 1, 25, 49, 50, 50, 51, 75, 99, 100, 100, 101])
    return mayBeText && this.#random.chance(0.04) ? String(level) : level
  }

  #event(fields: Fields): RoomEvent {
    const draft: EventDraft = {
      room_id: roomIdOf(this.version, this.create),
      depth: 5,
      origin_server_ts: this.#random.integer(1, 1000),
      prev_events: [],
      auth_events: [],
      ...fields,
    }
    return identifiedEvent(this.version, draft, this.#random)
  }
}
