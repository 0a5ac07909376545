import type { EventId } from '@hearth/protocol'
import { redact } from '@hearth/rooms'
import { LruCache, TimeSlice, type Clock, type Metrics } from '@hearth/runtime'
import type { EventRow, Store } from '@hearth/store'
import type { ErasedUsers } from '../accounts/erased-users.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import { ClientEvent } from './client-event.ts'

type RoomName = Pick<Room, 'nid' | 'id' | 'version'>

/** A stored event and its room. */
export interface RowOfRoom {
  readonly room: RoomName
  readonly row: EventRow
}

/** Some events of a room, by nid. */
export interface NidsOfRoom {
  readonly room: RoomName
  readonly nids: readonly number[]
}

/** Rows that one statement reads, so that neither it nor its answer takes long. */
const maxRows = 1_000
const maxRemembered = 10_000
const maxSuccessors = 50_000

/** Turns stored events into the form that clients see, and keeps what is asked for often. */
export class EventSerializer {
  readonly #events: RoomEvents
  readonly #store: Store
  readonly #clock: Clock
  readonly #erasedUsers: Pick<ErasedUsers, 'all'>
  readonly #cache: LruCache<number, ClientEvent>
  /** The state events that quote another one, as what they took the place of. */
  readonly #successors = new LruCache<EventId, readonly number[]>({ name: 'successors', maxEntries: maxSuccessors })
  /** Events that were redacted lately: what was read of them before must not be kept after. */
  readonly #redacted = new LruCache<number, true>({ name: 'redacted', maxEntries: maxRemembered })

  constructor(deps: {
    events: RoomEvents
    store: Store
    erasedUsers: Pick<ErasedUsers, 'all'>
    clock: Clock
    cacheBytes: number
    metrics: Metrics
  }) {
    this.#events = deps.events
    this.#store = deps.store
    this.#clock = deps.clock
    this.#erasedUsers = deps.erasedUsers
    this.#cache = new LruCache({
      name: 'client-events',
      maxBytes: deps.cacheBytes,
      sizeOf: (event) => event.weight,
      metrics: deps.metrics,
    })
  }

  /** The time that `age` is reckoned to, in milliseconds. */
  now(): number {
    return this.#clock.now()
  }

  /** Forgets an event that was redacted, and those that quote it. */
  forget(nid: number, eventId: EventId): void {
    this.#redacted.set(nid, true)
    this.#cache.delete(nid)
    for (const successor of this.#successors.get(eventId) ?? []) this.#cache.delete(successor)
  }

  /** Keeps an event that was serialized elsewhere. */
  remember(nid: number, event: ClientEvent): void {
    this.#cache.set(nid, event)
    if (event.replacedId === undefined) return
    const successors = this.#successors.get(event.replacedId) ?? []
    if (!successors.includes(nid)) this.#successors.set(event.replacedId, [...successors, nid])
  }

  /** The events in the order given. */
  serialize(room: RoomName, rows: readonly EventRow[]): Promise<ClientEvent[]> {
    return this.serializeRows(rows.map((row) => ({ room, row })))
  }

  /** Events of any rooms, in the order given. */
  async serializeRows(rows: readonly RowOfRoom[]): Promise<ClientEvent[]> {
    const cached = rows.map(({ row }) => this.#cache.get(row.nid))
    const missing = rows.filter((_, index) => cached[index] === undefined)
    const built = missing.length === 0 ? undefined : await this.#build(missing)
    return rows.map(({ row }, index) => cached[index] ?? built!.get(row.nid)!)
  }

  /**
   * State events by nid, in the order given; what is not there is left out. Of users who were erased they tell the membership:
   * how they called themselves is for those to find in the timeline who saw it there.
   */
  async serializeNids(room: RoomName, nids: readonly number[]): Promise<ClientEvent[]> {
    const events = await this.serializeNidsOfRooms([{ room, nids }])
    return nids.flatMap((nid) => events.get(nid) ?? [])
  }

  /** State events of several rooms by nid, as {@link serializeNids}. */
  async serializeNidsOfRooms(groups: readonly NidsOfRoom[]): Promise<Map<number, ClientEvent>> {
    const found = new Map<number, ClientEvent>()
    const missing = new Map<number, RoomName>()
    const slice = new TimeSlice(this.#clock)
    for (const { room, nids } of groups) {
      for (const nid of nids) {
        const event = this.#cache.get(nid)
        if (event) found.set(nid, event)
        else missing.set(nid, room)
        if (slice.isOver) await slice.rest()
      }
    }
    const nids = [...missing.keys()]
    for (let start = 0; start < nids.length; start += maxRows) {
      const rows = await this.#store.events.findByNids(nids.slice(start, start + maxRows))
      const built = await this.#build(rows.map((row) => ({ room: missing.get(row.nid)!, row })))
      for (const [nid, event] of built) found.set(nid, event)
    }
    await this.#withoutErased(groups, found)
    return found
  }

  async #withoutErased(groups: readonly NidsOfRoom[], found: Map<number, ClientEvent>): Promise<void> {
    const erased = await this.#erasedUsers.all()
    if (erased.size === 0) return
    const slice = new TimeSlice(this.#clock)
    for (const { room, nids } of groups) {
      for (const nid of nids) {
        if (slice.isOver) await slice.rest()
        const source = found.get(nid)?.source
        if (source?.pdu.type !== 'm.room.member' || !erased.has(source.pdu.state_key!)) continue
        const pruned = { ...source, pdu: redact(room.version, source.pdu) }
        found.set(nid, new ClientEvent(pruned, room.id, { isPruned: true }))
      }
    }
  }

  async #build(rows: readonly RowOfRoom[]): Promise<Map<number, ClientEvent>> {
    const quotedNids = rows.flatMap(({ row }) => quotedNid(row) ?? [])
    const quoted = await this.#events.findByNids([...new Set(quotedNids)])
    const built = new Map<number, ClientEvent>()
    const slice = new TimeSlice(this.#clock)
    for (const { room, row } of rows) {
      if (slice.isOver) await slice.rest()
      const quotedEvent = quoted.get(quotedNid(row) ?? -1)
      const context = row.redactedBy === null ? { replaced: quotedEvent } : { redaction: quotedEvent }
      const event = new ClientEvent(this.#events.parse(row), room.id, context)
      built.set(row.nid, event)
      const isStale =
        (row.redactedBy === null && this.#redacted.has(row.nid)) || this.#redacted.has(quotedNid(row) ?? -1)
      if (!isStale) this.remember(row.nid, event)
    }
    return built
  }
}

/** The event that an event quotes in its `unsigned`: the redaction of a redacted one, else what a state event replaced. */
function quotedNid({ redactedBy, replacesNid }: EventRow): number | null {
  return redactedBy ?? replacesNid
}
