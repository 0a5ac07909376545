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

  /** What the store is to write for a built event. */
  async rowOf(event: RoomEvent, json: string, options: RowOptions): Promise<NewEvent> {
    const { pdu, eventId } = event
    const { eventTypes, stateKeys, users } = this.#store
    const stateKey = pdu.state_key
    const sender = pdu.sender as UserId
    const typeNid = eventTypes.peek(pdu.type) ?? (await eventTypes.intern(pdu.type))
    const senderNid = users.peek(sender) ?? (await users.intern(sender))
    const relation = relationOf(pdu)
    return {
      eventId,
      json,
      typeNid,
      stateKeyNid: stateKey === undefined ? null : (stateKeys.peek(stateKey) ?? (await stateKeys.intern(stateKey))),
      senderNid,
      depth: pdu.depth,
      ts: pdu.origin_server_ts,
      flags: options.outgoing ? eventFlags.outgoing : 0,
      auth: [...options.auth],
      ...(options.replaces !== undefined && { replaces: options.replaces }),
      ...(options.transaction && { txn: options.transaction }),
      ...(await this.#membershipOf(event, options.previousMembership)),
      ...(relation && { relation }),
      ...(options.redaction && { redacts: { target: options.redaction.nid, prunedJson: options.redaction.json } }),
    }
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

  async #membershipOf(event: RoomEvent, previous: Membership | undefined): Promise<Pick<NewEvent, 'membership'>> {
    const membership = membershipOf(event)
    const stateKey = event.pdu.state_key
    // Other servers invite whomever they like.
    if (!membership || stateKey === undefined || !isUserId(stateKey)) return {}
    const server = serverOf(stateKey)
    return {
      membership: {
        userNid: await this.#store.users.intern(stateKey),
        serverNid: await this.#store.servers.intern(server),
        local: server === this.#serverName,
        membership,
        previous: previous ?? null,
      },
    }
  }
}
