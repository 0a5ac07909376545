import type { EventId, UserId } from '@hearth/protocol'
import { eventFlags, type EventRow, type Store } from '@hearth/store'
import { hidesEvent, type IgnoredUsers } from '../account-data/ignored-users.ts'
import type { EventFilter, RelatedBy } from '../events/event-filter.ts'
import type { RoomTimeline, TimelineEntry } from '../sync/room-timeline.ts'
import { DUMMY_EVENT } from './receive/dummy-events.ts'
import type { HistoryJudge, HistoryVisibility, TimelinePoint, Visible } from './history-visibility.ts'
import type { Room } from './room.ts'
import type { RoomEvents } from './room-events.ts'

/** Before everything that was ever backfilled. */
export const minPosition = Number.MIN_SAFE_INTEGER

export interface ScanRequest {
  readonly room: Room
  readonly userId: UserId
  /** Positions in `(after, upTo]`, read from one end (`b`: the newest) until `limit` events are found. */
  readonly after: number
  readonly upTo: number
  readonly direction: 'b' | 'f'
  readonly limit: number
  readonly filter: EventFilter
  /** The room's newest events, if they are in memory. */
  readonly recent?: RoomTimeline | undefined
  /** The user was joined all the time: nothing needs judging. */
  readonly wasJoined?: boolean
  /** Backwards: ends with the event after a gap, as if there were more events than the limit. */
  readonly stopsAtGaps?: boolean
}

/** An event that was found, as it came: from memory or from the store. */
export interface ScannedEvent extends TimelinePoint {
  readonly entry?: TimelineEntry
  readonly row?: EventRow
}

export interface ScanResult {
  readonly room: Room
  /** In the direction of the scan. */
  readonly events: readonly Visible<ScannedEvent>[]
  /** Whether the whole range was looked at; else the scan stopped at `reached`, where another one goes on. */
  readonly isExhausted: boolean
  readonly reached: number
  /** Whether events between the first and the last that were found, or before the first, were left out. */
  readonly hasHoles: boolean
}

/** Rows that are looked at in one scan, however few of them are wanted. */
const maxScanned = 2_000
const minChunk = 20
const maxChunk = 500

/**
 * Finds the events of a stretch of a room's timeline that a filter lets through and the reader may see: the newest from
 * memory where they are there, the others from the store.
 */
export class TimelineScanner {
  readonly #store: Store
  readonly #events: RoomEvents
  readonly #visibility: HistoryVisibility
  readonly #ignoredUsers: IgnoredUsers

  constructor(deps: { store: Store; events: RoomEvents; visibility: HistoryVisibility; ignoredUsers: IgnoredUsers }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#visibility = deps.visibility
    this.#ignoredUsers = deps.ignoredUsers
  }

  async scan(request: ScanRequest): Promise<ScanResult> {
    const scan = this.#begin(request, await this.#ignoredUsers.of(request.userId))
    await this.#finish(scan)
    return scan.result()
  }

  /** Several scans backwards by one reader, whose first reads of the store are one statement. */
  async scanAll(requests: readonly ScanRequest[]): Promise<ScanResult[]> {
    if (requests.length === 0) return []
    const ignored = await this.#ignoredUsers.of(requests[0]!.userId)
    const judged = requests.filter(({ wasJoined }) => !wasJoined).map(({ room }) => room)
    if (judged.length > 1) await this.#visibility.prepare(judged, requests[0]!.userId)
    const scans = requests.map((request) => this.#begin(request, ignored))
    await Promise.all(scans.map((scan) => scan.takeRecent()))
    const open = scans.filter((scan) => !scan.isDone)
    if (open.length > 1) {
      const size = Math.max(...open.map((scan) => scan.chunkSize))
      const ranges = open.map(({ request: { room }, after, upTo }) => ({ roomNid: room.nid, after, upTo }))
      const rows = Map.groupBy(await this.#store.events.listNewestByRooms(ranges, size), ({ roomNid }) => roomNid)
      await Promise.all(
        open.map((scan) => {
          const newestFirst = rows.get(scan.request.room.nid)?.toReversed() ?? []
          return scan.takeRows(newestFirst, newestFirst.length < size)
        }),
      )
    }
    await Promise.all(open.map((scan) => this.#finish(scan)))
    return scans.map((scan) => scan.result())
  }

  #begin(request: ScanRequest, ignored: ReadonlySet<string>): Scan {
    const judge = request.wasJoined ? undefined : this.#visibility.judge(request.room, request.userId)
    return new Scan(request, {
      events: this.#events,
      ignored,
      judge,
      findRelated: (...args) => this.#findRelated(...args),
    })
  }

  /** Those of these events that have such a child. */
  async #findRelated(room: Room, eventIds: readonly EventId[], by: RelatedBy): Promise<ReadonlySet<EventId>> {
    const { relations, users } = this.#store
    const { relTypes, senders } = by
    const senderNids = senders && [...(await users.findAll(senders as readonly UserId[])).values()]
    return relations.findParents(eventIds, room.nid, { relTypes, senderNids })
  }

  async #finish(scan: Scan): Promise<void> {
    const { room, direction } = scan.request
    await scan.takeRecent()
    while (!scan.isDone) {
      const { after, upTo, chunkSize: limit } = scan
      const rows = await this.#store.events.listRoomEvents(room.nid, { after, upTo, direction, limit })
      await scan.takeRows(rows, rows.length < limit)
    }
  }
}

/** What a scan asks others. */
interface ScanSources {
  readonly events: RoomEvents
  /** Whom the reader ignores. */
  readonly ignored: ReadonlySet<string>
  readonly judge: HistoryJudge | undefined
  readonly findRelated: (room: Room, eventIds: readonly EventId[], by: RelatedBy) => Promise<ReadonlySet<EventId>>
}

/** A scan that is going on: what it found, and the range that is left. */
class Scan {
  readonly request: ScanRequest
  after: number
  upTo: number
  readonly #sources: ScanSources
  readonly #found: Visible<ScannedEvent>[] = []
  #scanned = 0
  #isExhausted = false
  #isAtGap = false
  #leftOut = false
  #hasHoles = false

  constructor(request: ScanRequest, sources: ScanSources) {
    this.request = request
    this.after = request.after
    this.upTo = request.upTo
    this.#sources = sources
    this.#isExhausted = request.after >= request.upTo
  }

  get isDone(): boolean {
    return this.#isExhausted || this.#isAtGap || this.#found.length >= this.request.limit || this.#scanned >= maxScanned
  }

  /** How many rows to read next. Where some may be left out, a few more are read at once. */
  get chunkSize(): number {
    const wanted = this.request.limit - this.#found.length
    const { judge, ignored } = this.#sources
    const takesAll = judge === undefined && this.request.filter.isOpen && ignored.size === 0
    return Math.min(takesAll ? wanted : Math.max(wanted, minChunk), maxChunk)
  }

  result(): ScanResult {
    const { room, direction } = this.request
    return {
      room,
      events: this.#found,
      isExhausted: this.#isExhausted,
      reached: direction === 'b' ? this.upTo : this.after,
      hasHoles: this.#hasHoles,
    }
  }

  /** Takes the end of the range that is in memory, if the scan stands there. */
  async takeRecent(): Promise<void> {
    const { recent, direction } = this.request
    if (!recent || this.isDone || recent.completeFrom >= this.upTo) return
    const isWhole = recent.completeFrom <= this.after
    if (direction === 'f' && !isWhole) return
    const from = Math.max(this.after, recent.completeFrom)
    const entries = recent.between(from, this.upTo)
    const points = (direction === 'b' ? entries.toReversed() : entries).map((entry) => ({ ...pointOf(entry), entry }))
    const tookAll = await this.#take(points)
    if (!tookAll) return
    if (isWhole) this.#isExhausted = true
    else this.upTo = from
  }

  /** Takes rows of the store, in the direction of the scan. */
  async takeRows(rows: readonly EventRow[], areLast: boolean): Promise<void> {
    this.#scanned += rows.length
    const tookAll = await this.#take(
      rows.map((row) => ({
        pos: row.streamPos!,
        nid: row.nid,
        stateNid: row.stateNid ?? this.request.room.head.stateNid,
        event: this.#sources.events.parse(row),
        row,
      })),
    )
    if (tookAll && areLast) this.#isExhausted = true
  }

  /** Those that the filter lets through. */
  async #wanted(points: readonly ScannedEvent[]): Promise<readonly ScannedEvent[]> {
    const { room, filter } = this.request
    const { ignored, findRelated } = this.#sources
    const isWanted = ({ event }: ScannedEvent) =>
      event.pdu.type !== DUMMY_EVENT && filter.matches(event) && !hidesEvent(ignored, event)
    const matching = filter.matchesRoom(room.id) ? points.filter(isWanted) : []
    if (!filter.relatedBy || matching.length === 0) return matching
    const eventIds = matching.map(({ event }) => event.eventId)
    const related = await findRelated(room, eventIds, filter.relatedBy)
    return matching.filter(({ event }) => related.has(event.eventId))
  }

  /** False when there were more events than the limit. */
  async #take(points: readonly ScannedEvent[]): Promise<boolean> {
    const { limit } = this.request
    const { judge } = this.#sources
    const wanted = await this.#wanted(points)
    const visible = judge ? await judge.visible(wanted) : wanted.map(asJoined)
    const byNid = new Map(visible.map((point) => [point.nid, point]))
    for (const { nid, pos, entry, row } of points) {
      if (this.#found.length >= limit || this.#isAtGap) return false
      const found = byNid.get(nid)
      if (found) {
        this.#found.push(found)
        this.#hasHoles ||= this.#leftOut
      } else this.#leftOut = true
      this.#isAtGap = this.request.stopsAtGaps === true && isAfterGap(entry ?? row)
      if (this.request.direction === 'b') this.upTo = pos - 1
      else this.after = pos
    }
    return !this.#isAtGap
  }
}

function isAfterGap(event: TimelineEntry | EventRow | undefined): boolean {
  if (event === undefined) return false
  return 'flags' in event ? (event.flags & eventFlags.afterGap) !== 0 : event.isAfterGap === true
}

function pointOf({ pos, nid, stateNid, event }: TimelineEntry): TimelinePoint {
  return { pos, nid, stateNid, event }
}

function asJoined(point: ScannedEvent): Visible<ScannedEvent> {
  return { ...point, membership: 'join' }
}
