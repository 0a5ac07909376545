import { serverOf, type RoomId, type ServerName } from '@hearth/protocol'
import { authEventIds, prevEventIds, type Pdu } from '@hearth/rooms'
import type { Clock, Logger, Timer } from '@hearth/runtime'
import type { StagedEvent, Store } from '@hearth/store'
import type { ThisProcess } from '../../processes/this-process.ts'
import type { Room } from '../room.ts'
import type { RoomRegistry } from '../room-registry.ts'
import { inAuthOrder } from './auth-order.ts'
import type { EventReceiver } from './event-receiver.ts'
import { BudgetSpent, FetchBudget } from './fetch-budget.ts'
import type { GapFill } from './fill-gap.ts'
import type { VerifiedEvent } from './verified-event.ts'

export interface GapFillerDeps {
  readonly store: Store
  readonly rooms: RoomRegistry
  readonly receiver: EventReceiver
  readonly gapFill: GapFill
  readonly serverName: ServerName
  /** None when absent. */
  readonly joiningRooms?: RoomsBeingJoined | undefined
  /** Who works on a room's events, where several processes may; none other when absent. */
  readonly process?: Pick<ThisProcess, 'id'> | undefined
  readonly clock: Clock
  readonly logger: Logger
}

/** The rooms that this server is about to be in: what is staged for them waits. */
export interface RoomsBeingJoined {
  has(roomId: RoomId): Promise<boolean>
}

/** Rooms that are worked on at once. */
const maxRunning = 8
/** Events of a room that are looked at together. */
const batchSize = 50
/** Servers that are asked for what is missing before one event. */
const maxServers = 3
const maxRequests = 100
const maxMs = 120_000
/** When to try again, in milliseconds; after these an event is given up. */
const retryMs = [10_000, 60_000, 600_000, 3_600_000] as const
const keepGivenUpMs = 7 * 24 * 3_600_000
const pollMs = 15_000
/** When to look again at a room that another process is at work on. */
const takenMs = 1_000
/** For code that knows nothing of processes. */
const leaseMs = 60_000
const maxFailureLength = 500
/** Rooms that are looked at when the database is asked for those with work. */
const roomsPerPoll = 1_000

interface Staged extends VerifiedEvent {
  readonly row: StagedEvent
}

/**
 * Takes staged events into their rooms, fetching what is missing before them: one room's in their order, several rooms
 * side by side. What fails is tried again later and at last given up, and never holds up what comes after it.
 */
export class GapFiller {
  readonly #deps: GapFillerDeps
  /** Rooms with staged events, as far as this process knows. */
  readonly #waiting = new Set<number>()
  readonly #running = new Map<number, Promise<void>>()
  readonly #stopping = new AbortController()
  #timer: Timer | undefined

  constructor(deps: GapFillerDeps) {
    this.#deps = deps
  }

  start(): void {
    void this.#poll()
  }

  /** Breaks off what is running; it goes on after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#timer?.cancel()
    await Promise.all(this.#running.values())
  }

  /** Says that a room has staged events which are due. */
  wake(roomNid: number): void {
    this.#waiting.add(roomNid)
    this.#runWaiting()
  }

  /** Says that joining a room has come to an end. */
  async wakeJoined(roomId: RoomId): Promise<void> {
    // Without this it is found with the next look at the database.
    const row = await this.#deps.store.rooms.find(roomId).catch(() => undefined)
    if (row !== undefined) this.wake(row.nid)
  }

  /** Resolves when nothing that this process knows of is due. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  async #poll(): Promise<void> {
    const { store, clock, logger } = this.#deps
    try {
      const now = clock.now()
      await store.inboundStaging.deleteGivenUp(now - keepGivenUpMs)
      for (const roomNid of await store.inboundStaging.listRoomsDue(now, roomsPerPoll)) this.wake(roomNid)
    } catch (error) {
      logger.warn('could not look for staged events; will try again', { error })
    }
    if (!this.#stopping.signal.aborted) this.#timer = clock.setTimer(pollMs, () => void this.#poll())
  }

  #runWaiting(): void {
    for (const roomNid of this.#waiting) {
      if (this.#running.size >= maxRunning || this.#stopping.signal.aborted) return
      if (this.#running.has(roomNid)) continue
      this.#waiting.delete(roomNid)
      const run = this.#workOff(roomNid)
        .catch((error: unknown) => {
          if (!this.#stopping.signal.aborted)
            this.#deps.logger.warn('staged events could not be taken', { error, roomNid })
        })
        .finally(() => {
          this.#running.delete(roomNid)
          this.#runWaiting()
        })
      this.#running.set(roomNid, run)
    }
  }

  /** Works a room off, if no other process is at it. */
  async #workOff(roomNid: number): Promise<void> {
    const { store, clock, process } = this.#deps
    if (!process) return this.#workOffHere(roomNid)
    const [name, { id }, now] = [`staged-events/${roomNid}`, process, clock.now()]
    if (!(await store.leases.take(name, id, { now, untilTs: now + leaseMs }))) {
      // What was staged since may have escaped the other one.
      clock.setTimer(takenMs, () => this.wake(roomNid))
      return
    }
    try {
      await this.#workOffHere(roomNid)
    } finally {
      await store.leases.release(name, id)
    }
  }

  async #workOffHere(roomNid: number): Promise<void> {
    const { store, rooms, clock, joiningRooms } = this.#deps
    while (!this.#stopping.signal.aborted) {
      const room = await rooms.findByNid(roomNid)
      if (!room) {
        const row = await store.rooms.findByNid(roomNid)
        if (!row || (await joiningRooms?.has(row.roomId)) !== true) await store.inboundStaging.deleteOfRoom(roomNid)
        return
      }
      const rows = await store.inboundStaging.listDue(roomNid, clock.now(), batchSize)
      if (rows.length === 0) return
      await this.#takeBatch(room, rows)
    }
  }

  /** Takes what needs nothing else, and then fills the gap before the first event that does. */
  async #takeBatch(room: Room, rows: readonly StagedEvent[]): Promise<void> {
    const { store, receiver } = this.#deps
    const staged = rows.map((row): Staged => {
      const event = { eventId: row.eventId, pdu: JSON.parse(row.json) as Pdu }
      return { event, json: row.json, row }
    })
    const byId = new Map(staged.map((each) => [each.event.eventId, each]))
    const ordered = inAuthOrder(byId, ({ event: { pdu } }) => [...prevEventIds(pdu), ...authEventIds(pdu)])
    const placements = await receiver.receive(room, ordered)
    const done = ordered.filter((_, index) => placements[index]!.kind !== 'incomplete')
    // Only forged events lead back to themselves.
    const circular = staged.filter((each) => !ordered.includes(each))
    await store.inboundStaging.delete(
      room.nid,
      [...done, ...circular].map(({ event }) => event.eventId),
    )
    const first = ordered.find((_, index) => placements[index]!.kind === 'incomplete')
    if (first !== undefined) await this.#fillBefore(room, first)
  }

  async #fillBefore(room: Room, staged: Staged): Promise<void> {
    const { store, clock, logger } = this.#deps
    const { eventId } = staged.event
    const timeOver = new AbortController()
    const timer = clock.setTimer(maxMs, () => timeOver.abort(new BudgetSpent('it takes too long')))
    const signal = AbortSignal.any([this.#stopping.signal, timeOver.signal])
    const failure = await this.#tryServers(room, staged, new FetchBudget({ requests: maxRequests, signal })).finally(
      () => timer.cancel(),
    )
    if (failure === undefined) {
      await store.inboundStaging.delete(room.nid, [eventId])
      return
    }
    const delay = retryMs[staged.row.attempts]
    if (delay === undefined) logger.info('a received event is given up', { roomId: room.id, eventId, reason: failure })
    const retryTs = delay === undefined ? null : clock.now() + delay
    await store.inboundStaging.postpone(room.nid, eventId, retryTs, failure.slice(0, maxFailureLength))
  }

  /** Fills the gap before an event with what one of several servers gives; says why it did not work. */
  async #tryServers(room: Room, staged: Staged, budget: FetchBudget): Promise<string | undefined> {
    const { store, gapFill, logger } = this.#deps
    let failure = 'no server can be asked'
    const origin = await store.servers.keyOf(staged.row.originNid)
    for (const server of await this.#serversFor(room, staged, origin)) {
      // Whoever has just sent it is there, even if it was not a moment ago.
      const isThere = server === origin && staged.row.attempts === 0
      try {
        const placement = await gapFill.fill(room, server, staged, isThere ? budget.despiteBackOff() : budget)
        if (placement.kind !== 'incomplete') return undefined
        failure = 'events that it refers to cannot be had'
      } catch (error) {
        this.#stopping.signal.throwIfAborted()
        failure = error instanceof Error ? error.message : String(error)
        logger.debug('a gap could not be filled', { error, server, roomId: room.id, eventId: staged.event.eventId })
      }
    }
    return failure
  }

  /** Who sent the event, whose it is, and others, as far as they are in the room: outsiders are not to keep us busy. */
  async #serversFor(room: Room, { event }: Staged, origin: ServerName): Promise<ServerName[]> {
    const { store, serverName } = this.#deps
    const joined = await store.roomServers.listJoined(room.nid)
    const first = [origin, serverOf(event.pdu.sender)]
    const servers = new Set([...first.filter((server) => joined.includes(server)), ...joined])
    servers.delete(serverName)
    return [...servers].slice(0, maxServers)
  }
}
