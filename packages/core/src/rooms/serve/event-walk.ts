import type { EventId } from '@hearth/protocol'
import { prevEventIds } from '@hearth/rooms'
import type { EventRow, Store } from '@hearth/store'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'

/** How often a walk may ask for events that the look ahead did not bring. */
const maxLoads = 20

/** Walks backwards over the event graph of one room, the deepest event first, each once. */
export class EventWalk {
  readonly #store: Store
  readonly #events: RoomEvents
  readonly #room: Room
  readonly #rows = new Map<EventId, EventRow>()
  readonly #seen: Set<EventId>
  /** Events that were come to and not gone on from, in no order. */
  readonly #frontier: EventRow[] = []
  #wanted: EventId[] = []
  #loads = 0

  /** A walk that never comes to the events `without`. */
  constructor(
    deps: { readonly store: Store; readonly events: RoomEvents },
    room: Room,
    without: Iterable<EventId> = [],
  ) {
    this.#store = deps.store
    this.#events = deps.events
    this.#room = room
    this.#seen = new Set(without)
  }

  /** Reads some events of the room together with what came in before them, about as far as the walk will go. */
  async lookAhead(eventIds: readonly EventId[], limit: number): Promise<EventRow[]> {
    const rows = await this.#read(eventIds)
    const positions = rows.flatMap(({ streamPos }) => streamPos ?? [])
    if (positions.length > 0) {
      const upTo = Math.max(...positions)
      const range = { after: Number.MIN_SAFE_INTEGER, upTo, direction: 'b', limit } as const
      for (const row of await this.#store.events.listRoomEvents(this.#room.nid, range)) this.#rows.set(row.eventId, row)
    }
    return rows
  }

  /** Adds events to come to. */
  add(eventIds: Iterable<EventId>): void {
    for (const eventId of eventIds) {
      if (this.#seen.has(eventId)) continue
      this.#seen.add(eventId)
      const row = this.#rows.get(eventId)
      if (row) this.#frontier.push(row)
      else this.#wanted.push(eventId)
    }
  }

  /** Adds the events before one. */
  addBefore(row: EventRow): void {
    this.add(prevEventIds(this.#events.parse(row).pdu))
  }

  /** The deepest of the events to come to; undefined at the end. */
  async next(): Promise<EventRow | undefined> {
    if (this.#wanted.length > 0 && this.#loads < maxLoads) {
      this.#loads += 1
      this.#frontier.push(...(await this.#read(this.#wanted)))
    }
    this.#wanted = []
    let deepest = 0
    for (let index = 1; index < this.#frontier.length; index += 1) {
      if (isDeeper(this.#frontier[index]!, this.#frontier[deepest]!)) deepest = index
    }
    const [next] = this.#frontier.splice(deepest, 1)
    return next
  }

  /** Events of other rooms are none of this graph, whatever names them. */
  async #read(eventIds: readonly EventId[]): Promise<EventRow[]> {
    const rows = (await this.#store.events.findByIds(eventIds)).filter(({ roomNid }) => roomNid === this.#room.nid)
    for (const row of rows) this.#rows.set(row.eventId, row)
    return rows
  }
}

function isDeeper(a: EventRow, b: EventRow): boolean {
  return a.depth === b.depth ? a.nid > b.nid : a.depth > b.depth
}
