import { canonicalJson } from '@hearth/crypto'
import { isUserId, serverOf, type EventId, type UserId } from '@hearth/protocol'
import { redact, relationOf, type Pdu, type RoomEvent } from '@hearth/rooms'
import { LruCache, type Metrics } from '@hearth/runtime'
import {
  eventFlags,
  type ClientTransaction,
  type EventRow,
  type Membership,
  type NewEvent,
  type StateMap,
  type Store,
} from '@hearth/store'
import { membershipOf } from './membership-content.ts'
import type { Room } from './room.ts'

export interface RowOptions {
  /** References to the auth events; empty for events that are no state events. */
  readonly auth: readonly number[]
  /** Reference to the event whose place a state event takes. */
  readonly replaces?: number | undefined
  readonly transaction?: ClientTransaction | undefined
  readonly previousMembership?: Membership | undefined
  readonly redaction?: Redaction | undefined
  /** Whether this server sends it to the others in the room. */
  readonly outgoing?: boolean | undefined
}

/** An event with its canonical JSON, and what else its row says. */
export interface BuiltRow {
  readonly event: RoomEvent
  readonly json: string
  readonly options: RowOptions
}

/** An event as it is after its redaction. */
export interface Redaction {
  readonly nid: number
  readonly event: RoomEvent
  /** Its canonical JSON. */
  readonly json: string
}

interface ParsedEvent {
  readonly event: RoomEvent
  readonly isRedacted: boolean
  readonly textLength: number
}

/** Redactions remembered: far more than happen while something that was read is being worked on. */
const maxRedacted = 10_000

/** Events between their two forms: parsed, as the room rules read them, and as rows of the store. */
export class RoomEvents {
  readonly #store: Store
  readonly #serverName: string
  readonly #parsed: LruCache<number, ParsedEvent>
  /** Events that were redacted lately: what was read of them before must not be kept after. */
  readonly #redacted = new LruCache<number, true>({ name: 'redacted-events', maxEntries: maxRedacted })

  constructor(deps: { store: Store; serverName: string; cacheBytes: number; metrics: Metrics }) {
    this.#store = deps.store
    this.#serverName = deps.serverName
    // A parsed event takes about three times its text.
    this.#parsed = new LruCache({
      name: 'parsed-events',
      maxBytes: deps.cacheBytes,
      sizeOf: ({ textLength }) => 100 + 3 * textLength,
      metrics: deps.metrics,
    })
  }

  /** The parsed event of a row. */
  parse(row: EventRow): RoomEvent {
    const isRedacted = row.redactedBy !== null
    const cached = this.#parsed.get(row.nid)
    if (cached && (cached.isRedacted || !isRedacted)) return cached.event
    const rejected = (row.flags & eventFlags.rejected) !== 0
    const event: RoomEvent = {
      eventId: row.eventId,
      pdu: JSON.parse(row.json) as Pdu,
      ...(rejected && { rejected }),
    }
    if (isRedacted || !this.#redacted.has(row.nid)) {
      this.#parsed.set(row.nid, { event, isRedacted, textLength: row.json.length })
    }
    return event
  }

  /** Forgets an event whose text changed: it was redacted. */
  forget(nid: number): void {
    this.#redacted.set(nid, true)
    this.#parsed.delete(nid)
  }

  /** Keeps a just committed event, which is about to be needed. */
  remember(nid: number, event: RoomEvent, json: string): void {
    this.#parsed.set(nid, { event, isRedacted: false, textLength: json.length })
  }

  /** Events by nid; those that are not there are left out. */
  async findByNids(nids: readonly number[]): Promise<Map<number, RoomEvent>> {
    const found = new Map<number, RoomEvent>()
    const missing: number[] = []
    for (const nid of nids) {
      const cached = this.#parsed.get(nid)
      if (cached) found.set(nid, cached.event)
      else missing.push(nid)
    }
    if (missing.length > 0) {
      for (const row of await this.#store.events.findByNids(missing)) found.set(row.nid, this.parse(row))
    }
    return found
  }

  /** The event that holds a key of a state. */
  async findState(state: StateMap, type: string, stateKey: string): Promise<RoomEvent | undefined> {
    return (await this.findStateWithNid(state, type, stateKey))?.event
  }

  /** The same with its nid, if it is in memory; undefined does not say that there is none. */
  peekState(state: StateMap, type: string, stateKey: string): { event: RoomEvent; reference: number } | undefined {
    const typeNid = this.#store.eventTypes.peek(type)
    const stateKeyNid = this.#store.stateKeys.peek(stateKey)
    if (typeNid === undefined || stateKeyNid === undefined) return undefined
    const nid = state.get(typeNid, stateKeyNid)
    const event = nid === undefined ? undefined : this.#parsed.get(nid)?.event
    return event && { event, reference: nid! }
  }

  async findStateWithNid(
    state: StateMap,
    type: string,
    stateKey: string,
  ): Promise<{ event: RoomEvent; reference: number } | undefined> {
    const nid = await this.findStateNid(state, type, stateKey)
    if (nid === undefined) return undefined
    const event = this.#parsed.get(nid)?.event ?? (await this.findByNids([nid])).get(nid)
    return event && { event, reference: nid }
  }

  /** The nid of the event that holds a key of a state. */
  async findStateNid(state: StateMap, type: string, stateKey: string): Promise<number | undefined> {
    const { eventTypes, stateKeys } = this.#store
    const typeNid = eventTypes.peek(type) ?? (await eventTypes.find(type))
    if (typeNid === undefined) return undefined
    const stateKeyNid = stateKeys.peek(stateKey) ?? (await stateKeys.find(stateKey))
    return stateKeyNid === undefined ? undefined : state.get(typeNid, stateKeyNid)
  }

  /**
   * Whose memberships a room is about to be asked for: those that are there are brought into memory with a statement for all
   * of them. Resolves to the state keys that nobody has ever used, in this room or another.
   */
  async prepareMembers(state: StateMap, userIds: readonly UserId[]): Promise<ReadonlySet<string>> {
    const { eventTypes, stateKeys } = this.#store
    const [typeNid, known] = await Promise.all([eventTypes.find('m.room.member'), stateKeys.findAll(userIds)])
    const nids = typeNid === undefined ? [] : [...known.values()].map((keyNid) => state.get(typeNid, keyNid))
    await this.findByNids(nids.filter((nid) => nid !== undefined))
    return new Set(userIds.filter((userId) => !known.has(userId)))
  }

  /** What the store is to write for a built event. */
  async rowOf(event: RoomEvent, json: string, options: RowOptions): Promise<NewEvent> {
    return (await this.rowsOf([{ event, json, options }]))[0]!
  }

  /** The same for several; names that have no numbers yet get them together. */
  async rowsOf(built: readonly BuiltRow[]): Promise<NewEvent[]> {
    const { eventTypes, stateKeys, users, servers } = this.#store
    const members = built.flatMap(({ event }) => memberOf(event)?.userId ?? [])
    const typeNids = new Numbering(eventTypes)
    const stateKeyNids = new Numbering(stateKeys)
    const userNids = new Numbering(users)
    const serverNids = new Numbering(servers)
    for (const { event } of built) {
      typeNids.add(event.pdu.type)
      userNids.add(event.pdu.sender as UserId)
      if (event.pdu.state_key !== undefined) stateKeyNids.add(event.pdu.state_key)
    }
    for (const userId of members) {
      userNids.add(userId)
      serverNids.add(serverOf(userId))
    }
    const incomplete = [typeNids, stateKeyNids, userNids, serverNids].filter(({ isComplete }) => !isComplete)
    if (incomplete.length > 0) await Promise.all(incomplete.map((numbering) => numbering.complete()))
    return built.map(({ event, json, options }) => {
      const { pdu, eventId } = event
      const relation = relationOf(pdu)
      const member = memberOf(event)
      return {
        eventId,
        json,
        typeNid: typeNids.of(pdu.type),
        stateKeyNid: pdu.state_key === undefined ? null : stateKeyNids.of(pdu.state_key),
        senderNid: userNids.of(pdu.sender as UserId),
        depth: pdu.depth,
        ts: pdu.origin_server_ts,
        flags: options.outgoing ? eventFlags.outgoing : 0,
        auth: [...options.auth],
        ...(options.replaces !== undefined && { replaces: options.replaces }),
        ...(options.transaction && { txn: options.transaction }),
        ...(member && {
          membership: {
            userNid: userNids.of(member.userId),
            serverNid: serverNids.of(serverOf(member.userId)),
            local: serverOf(member.userId) === this.#serverName,
            membership: member.membership,
            previous: options.previousMembership ?? null,
          },
        }),
        ...(relation && { relation }),
        ...(options.redaction && { redacts: { target: options.redaction.nid, prunedJson: options.redaction.json } }),
      }
    })
  }

  /**
   * What is left of an event of the room when it is redacted; undefined when the room has no such event or it is redacted
   * already.
   */
  async redactionOf(room: Room, eventId: EventId): Promise<Redaction | undefined> {
    const [row] = await this.#store.events.findByIds([eventId])
    if (!row || row.roomNid !== room.nid || row.redactedBy !== null) return undefined
    const pdu = redact(room.version, this.parse(row).pdu)
    return { nid: row.nid, event: { eventId, pdu }, json: canonicalJson(pdu) }
  }
}

/** Whose membership an event sets, and to what. Other servers invite whomever they like: not only users. */
function memberOf(event: RoomEvent): { userId: UserId; membership: Membership } | undefined {
  const membership = membershipOf(event)
  const stateKey = event.pdu.state_key
  return membership && stateKey !== undefined && isUserId(stateKey) ? { userId: stateKey, membership } : undefined
}

/** The numbers of names, which get one if they have none. It takes a statement only where one is not in memory. */
class Numbering<Key extends string> {
  readonly #dictionary: {
    peek(key: Key): number | undefined
    internAll(keys: readonly Key[]): Promise<Map<Key, number>>
  }
  readonly #numbers = new Map<Key, number>()
  readonly #unknown: Key[] = []

  constructor(dictionary: {
    peek(key: Key): number | undefined
    internAll(keys: readonly Key[]): Promise<Map<Key, number>>
  }) {
    this.#dictionary = dictionary
  }

  add(key: Key): void {
    if (this.#numbers.has(key)) return
    const nid = this.#dictionary.peek(key)
    if (nid === undefined) this.#unknown.push(key)
    else this.#numbers.set(key, nid)
  }

  get isComplete(): boolean {
    return this.#unknown.length === 0
  }

  async complete(): Promise<void> {
    for (const [key, nid] of await this.#dictionary.internAll(this.#unknown)) this.#numbers.set(key, nid)
  }

  of(key: Key): number {
    return this.#numbers.get(key)!
  }
}
