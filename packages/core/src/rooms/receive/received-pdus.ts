import { isRoomId, MatrixError, type EventId, type JsonObject, type RoomId, type ServerName } from '@hearth/protocol'
import { authEventIds, findRoomVersion, prevEventIds } from '@hearth/rooms'
import { LruCache, type Clock, type Logger } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Room } from '../room.ts'
import type { ReceivedRetractions } from '../remote/received-retractions.ts'
import type { RoomRegistry } from '../room-registry.ts'
import { inAuthOrder } from './auth-order.ts'
import { checkFormat, type WellFormedPdu } from './check-format.ts'
import type { EventReceiver } from './event-receiver.ts'
import type { GapFiller, RoomsBeingJoined } from './gap-filler.ts'
import type { PduOutcome, PduOutcomes } from './pdu-outcome.ts'
import type { PduVerifier } from './pdu-verifier.ts'
import type { Placement } from './received-event.ts'
import type { VerifiedEvent } from './verified-event.ts'

/** Whether a room keeps a server out: `RoomAcls`. */
export interface ServerAcls {
  isAllowed(room: Room, server: ServerName): Promise<boolean>
}

export interface ReceivedPdusDeps {
  readonly store: Store
  readonly serverName: ServerName
  readonly rooms: RoomRegistry
  /** None when absent. */
  readonly joiningRooms?: RoomsBeingJoined | undefined
  readonly acls: ServerAcls
  readonly verifier: PduVerifier
  readonly receiver: EventReceiver
  readonly gapFiller: GapFiller
  readonly retractions: ReceivedRetractions
  readonly clock: Clock
  readonly logger: Logger
}

/** Events that may be staged for one room; the next one of the room brings back what is not taken. */
const maxStaged = 2_000
/** How many of them may come from one server in the room, and from one that is not: anybody can sign events of any room. */
const maxStagedOfMember = 1_000
const maxStagedOfOutsider = 50
const maxRooms = 20_000

/**
 * The events of a transaction of another server, on their way into their rooms.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu}
 */
export class ReceivedPdus {
  readonly #deps: ReceivedPdusDeps
  readonly #inside = new LruCache<number, { readonly stateNid: number; readonly isInside: boolean }>({
    name: 'rooms-inside',
    maxEntries: maxRooms,
  })

  constructor(deps: ReceivedPdusDeps) {
    this.#deps = deps
  }

  /**
   * Takes the PDUs of a transaction, each room's in their order, one room beside the other.
   *
   * @returns what became of each that has an event id. What is not `ignored` is committed.
   * @throws MatrixError M_LIMIT_EXCEEDED when too much is waiting: to be sent again.
   */
  async receive(origin: ServerName, pdus: readonly JsonObject[]): Promise<PduOutcomes> {
    const byRoom = Map.groupBy(pdus, (pdu) => pdu['room_id'])
    const outcomes = await Promise.all(
      [...byRoom].map(async ([roomId, ofRoom]) =>
        typeof roomId === 'string' && isRoomId(roomId) ? this.#receiveOfRoom(origin, roomId, ofRoom) : [],
      ),
    )
    return new Map(outcomes.flat())
  }

  async #receiveOfRoom(
    origin: ServerName,
    roomId: RoomId,
    pdus: readonly JsonObject[],
  ): Promise<[EventId, PduOutcome][]> {
    const { acls, logger } = this.#deps
    const room = await this.#findInside(roomId)
    if (!room) return this.#receiveOutside(origin, roomId, pdus)
    const wellFormed = new Map<EventId, WellFormedPdu>()
    for (const pdu of pdus) {
      const checked = checkFormat(room.version, pdu)
      if ('fault' in checked) logger.debug('a malformed event was dropped', { origin, roomId, reason: checked.fault })
      else wellFormed.set(checked.event.eventId, checked)
    }
    if (room.head !== undefined && !(await acls.isAllowed(room, origin))) {
      return [...wellFormed.keys()].map((eventId) => [eventId, { kind: 'ignored', reason: `${origin} is not allowed` }])
    }
    const outcomes: [EventId, PduOutcome][] = []
    const verified = await this.#verify(room, wellFormed, outcomes)
    const ordered = inAuthOrder(verified, ({ event: { pdu } }) => [...prevEventIds(pdu), ...authEventIds(pdu)])
    const waiting = room.head === undefined ? ordered : await this.#place(room, ordered, outcomes)
    await this.#stage(origin, room, waiting, outcomes)
    return outcomes
  }

  /** Of rooms that this server is not in, only the ends of invitations and knocks matter. */
  async #receiveOutside(
    origin: ServerName,
    roomId: RoomId,
    pdus: readonly JsonObject[],
  ): Promise<[EventId, PduOutcome][]> {
    const { store, verifier, retractions } = this.#deps
    const row = await store.rooms.find(roomId)
    const version = row && findRoomVersion(row.version)
    // Without the room's version nobody can tell the ids.
    if (!version) return []
    const outcomes: [EventId, PduOutcome][] = []
    for (const pdu of pdus) {
      if (pdu['type'] !== 'm.room.member') continue
      const verdict = await verifier.verify(version, pdu)
      if (!verdict.valid || verdict.roomId !== roomId) continue
      const isTaken = await retractions.receive(origin, row.nid, verdict)
      const outcome: PduOutcome = isTaken
        ? { kind: 'accepted' }
        : { kind: 'ignored', reason: 'nobody here is in the room' }
      outcomes.push([verdict.event.eventId, outcome])
    }
    return outcomes
  }

  /** A room that this server is in, or is about to be in: then it has no head. */
  async #findInside(roomId: RoomId): Promise<InsideRoom | undefined> {
    const { store, rooms, joiningRooms } = this.#deps
    const room = await rooms.find(roomId)
    if (room && (await this.#isInside(room))) return room
    if ((await joiningRooms?.has(roomId)) !== true) return undefined
    const row = await store.rooms.find(roomId)
    const version = row && findRoomVersion(row.version)
    return version && { nid: row.nid, id: roomId, version, head: undefined }
  }

  /** Whether this server is in the room, which is looked up once for each of its states. */
  async #isInside({ nid, head }: Room): Promise<boolean> {
    const known = this.#inside.get(nid)
    if (known?.stateNid === head.stateNid) return known.isInside
    const { store, serverName } = this.#deps
    const row = await store.roomServers.find(nid, await store.servers.intern(serverName))
    const isInside = row !== undefined && row.joined > 0
    this.#inside.set(nid, { stateNid: head.stateNid, isInside })
    return isInside
  }

  /** Takes events into their room; gives those that wait for others. */
  async #place(
    room: InsideRoom,
    events: readonly VerifiedEvent[],
    outcomes: [EventId, PduOutcome][],
  ): Promise<VerifiedEvent[]> {
    const placements = await this.#deps.receiver.receive(room, events).catch((error: unknown) => {
      // A busy room must not keep the others of the transaction waiting.
      if (error instanceof MatrixError && error.errcode === 'M_LIMIT_EXCEEDED') return undefined
      throw error
    })
    return events.filter(({ event: { eventId } }, index) => {
      const placement = placements?.[index] ?? incomplete
      if (placement.kind === 'incomplete') return true
      outcomes.push([eventId, placement.kind === 'accepted' ? { kind: 'accepted' } : placement])
      return false
    })
  }

  async #stage(
    origin: ServerName,
    room: InsideRoom,
    events: readonly VerifiedEvent[],
    outcomes: [EventId, PduOutcome][],
  ): Promise<void> {
    if (events.length === 0) return
    const { store, gapFiller, clock } = this.#deps
    const originNid = await store.servers.intern(origin)
    const rows = events.map(({ event: { eventId }, json }) => ({ eventId, json }))
    const staged = await store.inboundStaging.insert(room.nid, originNid, rows, {
      now: clock.now(),
      limit: maxStaged,
      limitOfOrigin: await this.#shareOf(originNid, room),
    })
    gapFiller.wake(room.nid)
    for (const [index, { eventId }] of rows.entries()) {
      const tooMany: PduOutcome = { kind: 'ignored', reason: 'too many events of the room are waiting' }
      outcomes.push([eventId, index < staged ? { kind: 'staged' } : tooMany])
    }
  }

  async #shareOf(originNid: number, { nid, head }: InsideRoom): Promise<number> {
    // Of a room that is being joined nobody can tell yet who is in it.
    const place = head && (await this.#deps.store.roomServers.find(nid, originNid))
    const isMember = head === undefined || (place !== undefined && place.joined > 0)
    return isMember ? maxStagedOfMember : maxStagedOfOutsider
  }

  /** The events that their servers have signed; what became of the others is added to the outcomes. */
  async #verify(
    room: InsideRoom,
    wellFormed: ReadonlyMap<EventId, WellFormedPdu>,
    outcomes: [EventId, PduOutcome][],
  ): Promise<Map<EventId, VerifiedEvent>> {
    const verified = new Map<EventId, VerifiedEvent>()
    const verdicts = await Promise.all(
      [...wellFormed.values()].map((each) => this.#deps.verifier.verifyWellFormed(room.version, each)),
    )
    for (const [index, eventId] of [...wellFormed.keys()].entries()) {
      const verdict = verdicts[index]!
      if (verdict.valid) verified.set(eventId, { event: verdict.event, json: verdict.json })
      else outcomes.push([eventId, { kind: 'ignored', reason: verdict.reason }])
    }
    return verified
  }
}

/** A room of which events are taken; it has no head as long as it is being joined. */
type InsideRoom = Room | (Pick<Room, 'nid' | 'id' | 'version'> & { readonly head: undefined })

const incomplete: Placement = { kind: 'incomplete', missingPrevious: [], missingAuth: [] }
