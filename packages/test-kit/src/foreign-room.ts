import { generateSigningKey, type SigningKey } from '@hearth/crypto'
import { serverOf, type EventId, type JsonObject, type RoomId } from '@hearth/protocol'
import {
  authTypesFor,
  buildEvent,
  findRoomVersion,
  referenceTo,
  roomIdOf,
  stateTupleKey,
  type BuiltEvent,
  type EventDraft,
  type RoomVersion,
} from '@hearth/rooms'

/** What a test says of an event of a foreign room; the rest follows from the room. */
export interface ForeignEvent extends Partial<EventDraft> {
  readonly type: string
  readonly sender: string
}

/** A room as other servers build it, one event after the other: hashed and signed with their keys, but not judged. */
export class ForeignRoom {
  readonly version: RoomVersion
  readonly id: RoomId
  readonly create: BuiltEvent
  /** In the order in which they were built. */
  readonly events: BuiltEvent[] = []
  readonly #keys: Map<string, SigningKey>
  readonly #state = new Map<string, BuiltEvent>()
  static #created = 0
  #depth = 0
  #now: number

  constructor(
    versionId: string,
    { creator = '@creator:foreign.test', keys = new Map<string, SigningKey>(), content = {} } = {},
  ) {
    const version = findRoomVersion(versionId)
    if (version === undefined) throw new RangeError(`there is no room version ${versionId}`)
    this.version = version
    this.#keys = keys
    // Two create events that are alike in all else would make one room.
    this.#now = ForeignRoom.#created = Math.max(Date.now(), ForeignRoom.#created + 1)
    this.id = `!${Math.random().toString(36).slice(2)}:${serverOf(creator)}` as RoomId
    const creatorContent = version.creators === 'content' ? { creator } : {}
    this.create = this.send({
      type: 'm.room.create',
      sender: creator,
      state_key: '',
      content: { room_version: versionId, ...creatorContent, ...content },
    })
    this.id = roomIdOf(version, this.create)
    this.send(this.member(creator, 'join'))
  }

  /** The room's state events now. */
  get state(): BuiltEvent[] {
    return [...this.#state.values()]
  }

  /** The events that the state's auth events lead to. */
  get authChain(): BuiltEvent[] {
    const byId = new Map(this.events.map((event) => [event.eventId, event]))
    const chain = new Set<BuiltEvent>()
    for (const waiting = this.state; waiting.length > 0;) {
      for (const reference of waiting.pop()!.pdu.auth_events) {
        const event = byId.get(typeof reference === 'string' ? reference : reference[0])
        if (event === undefined || chain.has(event)) continue
        chain.add(event)
        waiting.push(event)
      }
    }
    return [...chain]
  }

  /** A server's key, made when it is first asked for. */
  keyOf(serverName: string): SigningKey {
    let key = this.#keys.get(serverName)
    if (key === undefined) this.#keys.set(serverName, (key = generateSigningKey('1')))
    return key
  }

  find(type: string, stateKey = ''): BuiltEvent | undefined {
    return this.#state.get(stateTupleKey(type, stateKey))
  }

  member(userId: string, membership: string, { sender = userId, ...content }: JsonObject & { sender?: string } = {}) {
    return { type: 'm.room.member', sender, state_key: userId, content: { ...content, membership } }
  }

  /** Builds an event on the room's end, and makes it the end; a state event becomes part of the state. */
  send(fields: ForeignEvent): BuiltEvent {
    const event = this.build(fields)
    this.events.push(event)
    this.#depth = event.pdu.depth
    if (event.pdu.state_key !== undefined) this.#state.set(stateTupleKey(event.pdu.type, event.pdu.state_key), event)
    return event
  }

  /** Takes an event that another server has built on the room. */
  add(event: BuiltEvent): void {
    this.events.push(event)
    this.#depth = Math.max(this.#depth, event.pdu.depth)
    if (event.pdu.state_key !== undefined) this.#state.set(stateTupleKey(event.pdu.type, event.pdu.state_key), event)
  }

  /** What the next event would be before it is hashed and signed, as templates of make_join and the like have it. */
  draft(fields: ForeignEvent): EventDraft {
    const isCreate = fields.type === 'm.room.create'
    const tip = this.events.at(-1)
    const draft: EventDraft = {
      content: {},
      depth: this.#depth + 1,
      origin_server_ts: this.#now++,
      prev_events: tip === undefined ? [] : [referenceTo(this.version, tip)],
      auth_events: [],
      ...(!(isCreate && this.version.roomIds === 'create-event') && { room_id: this.id }),
      ...fields,
    }
    const auth = authTypesFor(this.version, draft).flatMap(([type, stateKey]) => this.find(type, stateKey) ?? [])
    return { ...draft, auth_events: fields.auth_events ?? auth.map((event) => referenceTo(this.version, event)) }
  }

  /** Builds an event on the room's end and leaves the room as it is. */
  build(fields: ForeignEvent, signedBy: string = serverOf(fields.sender)): BuiltEvent {
    return buildEvent(this.version, this.draft(fields), { serverName: signedBy, signingKey: this.keyOf(signedBy) })
  }

  /** The ids of events. */
  static idsOf(events: readonly BuiltEvent[]): EventId[] {
    return events.map(({ eventId }) => eventId)
  }
}
