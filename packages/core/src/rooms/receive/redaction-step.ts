/**
 * What redactions do, whichever comes first: the redaction or its target.
 * {@link https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions}
 */
import type { EventId } from '@hearth/protocol'
import { canonicalEventJson, mayRedact, redact, redactionTarget, type RoomEvent, type StateLookup } from '@hearth/rooms'
import type { EventRef, NewEvent, StateMap, Store } from '@hearth/store'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import type { ChainedEvents } from './chained-events.ts'
import type { KnownEvents } from './known-events.ts'

/** An event as its redaction leaves it. */
export interface RedactedEvent {
  readonly event: RoomEvent
  /** Its canonical JSON. */
  readonly json: string
}

/** What is left of an event when a redaction takes effect; undefined when its sender may not redact the event. */
export function redactedBy(
  { version }: Pick<Room, 'version'>,
  redaction: RoomEvent,
  target: RoomEvent,
  state: StateLookup,
): RedactedEvent | undefined {
  // The room would not be one without it, and a redaction that redacts itself could not be told from one that was redacted.
  if (target.pdu.type === 'm.room.create' || target.eventId === redaction.eventId) return undefined
  if (!mayRedact(version, redaction, target, state)) return undefined
  const pdu = redact(version, target.pdu)
  return { event: { ...target, pdu }, json: canonicalEventJson(version, pdu) }
}

/** What taking a redaction changes. */
export interface RedactionEffect {
  /** What the redaction's row says of it. */
  readonly row: Pick<NewEvent, 'redacts'>
  /** The event that is redacted with it; none while that is not there. */
  readonly redacted?: { readonly ref: EventRef; readonly event: RoomEvent }
}

/**
 * What an event redacts, with the state before it; `void` for a redaction that has no effect on its target, and undefined
 * for what is none, or comes after another one.
 */
export async function redactionEffect(
  room: Room,
  event: RoomEvent,
  state: StateMap,
  { chain, known }: { readonly chain: ChainedEvents; readonly known: KnownEvents },
): Promise<RedactionEffect | 'void' | undefined> {
  const targetId = redactionTarget(room.version, event.pdu)
  if (targetId === undefined) return undefined
  if (known.isForeign(targetId)) return 'void'
  const target = chain.find(targetId)
  if (target === undefined) return { row: { redacts: { unknownTarget: targetId } } }
  const levels = await chain.lookup(state, [
    ['m.room.create', ''],
    ['m.room.power_levels', ''],
  ])
  const left = redactedBy(room, event, target.event, levels)
  if (left === undefined) return 'void'
  if (known.get(targetId)?.isRedacted === true || chain.get(targetId)?.row.redactedBy !== undefined) return undefined
  return {
    row: { redacts: { target: target.nid, prunedJson: left.json } },
    redacted: { ref: target.nid, event: left.event },
  }
}

/** The redactions of a room that wait for events which are being received. */
export class PendingRedactions {
  readonly #store: Store
  readonly #events: RoomEvents
  readonly #room: Room
  readonly #byTarget = new Map<EventId, number[]>()

  constructor(deps: { store: Store; events: RoomEvents; room: Room }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#room = deps.room
  }

  async load(targets: readonly EventId[]): Promise<void> {
    for (const { nid, roomNid, targetId } of await this.#store.redactions.findPending(targets)) {
      if (roomNid !== this.#room.nid) continue
      const waiting = this.#byTarget.get(targetId)
      if (waiting === undefined) this.#byTarget.set(targetId, [nid])
      else waiting.push(nid)
    }
  }

  /** The first redaction that may redact an event, and what it leaves of it. */
  async findFor(target: RoomEvent): Promise<({ readonly nid: number } & RedactedEvent) | undefined> {
    for (const row of await this.#store.events.findByNids(this.#byTarget.get(target.eventId) ?? [])) {
      if (row.stateNid === null) continue
      const state = await this.#store.states.load(this.#room.nid, row.stateNid)
      const redacted = redactedBy(this.#room, this.#events.parse(row), target, await this.#levelsIn(state))
      if (redacted !== undefined) return { nid: row.nid, ...redacted }
    }
    return undefined
  }

  async #levelsIn(state: StateMap): Promise<StateLookup> {
    const create = await this.#events.findState(state, 'm.room.create', '')
    const powerLevels = await this.#events.findState(state, 'm.room.power_levels', '')
    return (type) => (type === 'm.room.create' ? create : type === 'm.room.power_levels' ? powerLevels : undefined)
  }
}
