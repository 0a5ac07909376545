import type { EventId, JsonObject } from '@hearth/protocol'
import {
  authorize,
  authTypesFor,
  roomIdOf,
  roomVersions,
  stateTupleKey,
  type EventDraft,
  type EventReference,
  type Pdu,
  type RoomEvent,
  type RoomVersion,
  type RoomVersionId,
  type Verdict,
} from '../src/index.ts'

/** What a test says of an event; the rest follows from the room. */
export type TestEvent = Partial<Pdu> & Pick<Pdu, 'type' | 'sender'>

export const versionIds = Object.values(roomVersions)
  .map(({ id }) => id)
  .sort((a, b) => Number(a) - Number(b))

/** The room versions from one to another, both included. */
export function versionsBetween(first: number, last: number): RoomVersionId[] {
  return versionIds.filter((id) => Number(id) >= first && Number(id) <= last)
}

/** A room of which only the state is of interest. Its events are neither hashed nor signed; their ids are counted. */
export class TestRoom {
  readonly version: RoomVersion
  readonly create: RoomEvent
  readonly #state = new Map<string, RoomEvent>()
  #count = 0

  constructor(versionId: RoomVersionId, { creator = '@alice:hs1', content = {} } = {}) {
    this.version = roomVersions[versionId]
    const creatorContent = this.version.creators === 'content' ? { creator } : {}
    this.create = this.event({
      type: 'm.room.create',
      sender: creator,
      state_key: '',
      content: { room_version: versionId, ...creatorContent, ...content },
    })
    this.set(this.create)
  }

  get state() {
    return (type: string, stateKey: string) => this.#state.get(stateTupleKey(type, stateKey))
  }

  /** An event of the room, which does not change its state. */
  event(fields: TestEvent): RoomEvent {
    const number = ++this.#count
    const eventId = (this.version.eventIds === 'assigned' ? `$${number}:hs1` : `$${number}`) as EventId
    const draft: EventDraft = {
      content: {},
      depth: number,
      origin_server_ts: number,
      prev_events: number === 1 ? [] : [this.reference(`$${number - 1}`)],
      auth_events: [],
      ...fields,
    }
    if (this.version.roomIds === 'assigned') draft.room_id ??= '!room:hs1'
    else if (draft.type !== 'm.room.create') draft.room_id ??= roomIdOf(this.version, this.create)
    draft.auth_events = fields.auth_events ?? this.#authEvents(draft)
    return { eventId, pdu: { hashes: { sha256: '' }, signatures: {}, ...draft } }
  }

  reference(eventId: string): EventReference {
    const id = eventId as EventId
    return this.version.references === 'id' ? id : [`${id}:hs1` as EventId, { sha256: '' }]
  }

  /** Puts an event into the state, allowed or not. */
  set(event: RoomEvent | TestEvent): RoomEvent {
    const stateEvent = 'pdu' in event ? (event as RoomEvent) : this.event(event)
    this.#state.set(stateTupleKey(stateEvent.pdu.type, stateEvent.pdu.state_key!), stateEvent)
    return stateEvent
  }

  /** Puts a membership into the state, allowed or not. */
  member(userId: string, membership: string): RoomEvent {
    return this.set({ type: 'm.room.member', sender: userId, state_key: userId, content: { membership } })
  }

  joinRule(rule: string): RoomEvent {
    return this.set({ type: 'm.room.join_rules', sender: '@alice:hs1', state_key: '', content: { join_rule: rule } })
  }

  powerLevels(content: JsonObject): RoomEvent {
    return this.set({ type: 'm.room.power_levels', sender: '@alice:hs1', state_key: '', content })
  }

  verdict(fields: TestEvent): Verdict {
    return authorize(this.version, this.event(fields), this.state)
  }

  /** The number of the rule that refuses the event; `allowed` if none does. */
  rule(fields: TestEvent): string {
    const verdict = this.verdict(fields)
    return verdict.allowed ? 'allowed' : verdict.rule
  }

  /** The same for a change of membership. */
  memberRule(sender: string, target: string, membership: string, content: JsonObject = {}): string {
    return this.rule({ type: 'm.room.member', sender, state_key: target, content: { membership, ...content } })
  }

  #authEvents(draft: EventDraft): EventReference[] {
    return authTypesFor(this.version, draft).flatMap(([type, stateKey]) => {
      const event = this.state(type, stateKey)
      if (event === undefined) return []
      return [this.version.references === 'id' ? event.eventId : [event.eventId, { sha256: '' }]]
    })
  }
}
