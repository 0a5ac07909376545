import type { UserId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import { positionsOfGap, type TimelineGap } from '@hearth/store'
import type { EventFilter } from '../events/event-filter.ts'
import type { Backfill, MissingPast } from './backfill/backfill.ts'
import type { Visible } from './history-visibility.ts'
import type { Room } from './room.ts'
import { timelineStretches, type TimelineStretch } from './timeline-stretches.ts'
import type { ScannedEvent, TimelineScanner } from './timeline-scan.ts'

export interface ReadRequest {
  readonly room: Room
  readonly userId: UserId
  /** The last position that came live and that the reader may see. */
  readonly lastPos: number
  /** The boundary to begin at, or the position of an event right behind which to begin; either end when absent. */
  readonly from?: number | undefined
  readonly behind?: number | undefined
  /** The boundary to stop at. */
  readonly to?: number | undefined
  /** `b`: newest first. */
  readonly direction: 'b' | 'f'
  readonly limit: number
  readonly filter: EventFilter
}

export interface Reading {
  readonly room: Room
  /** In the direction of reading. */
  readonly events: readonly Visible<ScannedEvent>[]
  /** Where reading goes on. */
  readonly end: number
  /** Whether there is nothing further, here or at other servers. */
  readonly isExhausted: boolean
}

/** How long a reader waits for other servers, altogether. */
const waitMs = 10_000

/**
 * Reads a room's timeline across its gaps. What is missing is fetched from other servers when somebody reads backwards up
 * to it; where they are slow, a reader gets what there is.
 */
export class TimelineReader {
  readonly #scanner: TimelineScanner
  readonly #backfill: Backfill
  readonly #clock: Clock

  constructor(deps: { scanner: TimelineScanner; backfill: Backfill; clock: Clock }) {
    this.#scanner = deps.scanner
    this.#backfill = deps.backfill
    this.#clock = deps.clock
  }

  async read(request: ReadRequest): Promise<Reading> {
    const missing = await this.#backfill.missingOf(request.room)
    const { to, direction, lastPos, behind } = request
    const from = behind === undefined ? request.from : boundaryBehind(missing.gaps, behind)
    const range = direction === 'b' ? { upTo: from, after: to, lastPos } : { upTo: to, after: from, lastPos }
    const stretches = timelineStretches(missing.gaps, range)
    return direction === 'b'
      ? this.#readBackwards(request, stretches, missing)
      : this.#readForwards(request, stretches.toReversed())
  }

  async #readBackwards(
    request: ReadRequest,
    stretches: readonly TimelineStretch[],
    missing: MissingPast,
  ): Promise<Reading> {
    const endsAt = this.#clock.monotonic() + waitMs
    const events: Visible<ScannedEvent>[] = []
    let end = stretches[0]?.upTo ?? 0
    let isOpen = false
    for (const stretch of stretches) {
      let { open } = missing
      end = stretch.upTo
      for (;;) {
        const scan = await this.#scan(request, { ...stretch, upTo: end }, events)
        end = Math.max(scan.reached, stretch.after)
        if (!scan.isExhausted) return { room: request.room, events, end, isExhausted: false }
        const extremities = goesOnBelow(stretch) ? open.get(stretch.gap) : undefined
        if (!goesOnBelow(stretch) || !extremities) break
        const left = endsAt - this.#clock.monotonic()
        const isFuller =
          events.length < request.limit &&
          left > 0 &&
          (await this.#backfill.fill(request.room, stretch.gap, extremities, left))
        if (!isFuller) {
          isOpen = true
          if (events.length >= request.limit) return { room: request.room, events, end, isExhausted: false }
          break
        }
        ;({ open } = await this.#backfill.missingOf(request.room))
      }
      if (events.length >= request.limit && stretch !== stretches.at(-1)) {
        return { room: request.room, events, end, isExhausted: false }
      }
    }
    return { room: request.room, events, end, isExhausted: !isOpen }
  }

  async #readForwards(request: ReadRequest, stretches: readonly TimelineStretch[]): Promise<Reading> {
    const events: Visible<ScannedEvent>[] = []
    let end = stretches[0]?.after ?? 0
    for (const [index, stretch] of stretches.entries()) {
      const scan = await this.#scan(request, stretch, events)
      const next = stretches[index + 1]
      // What follows a stretch is behind its end, not before the event that has the next position.
      end = scan.reached >= stretch.upTo && next ? next.after : Math.max(scan.reached, stretch.after)
      if (!scan.isExhausted) return { room: request.room, events, end, isExhausted: false }
      if (events.length >= request.limit && next) {
        return { room: request.room, events, end: next.after, isExhausted: false }
      }
    }
    return { room: request.room, events, end, isExhausted: true }
  }

  async #scan(
    { room, userId, direction, limit, filter }: ReadRequest,
    { after, upTo }: TimelineStretch,
    events: Visible<ScannedEvent>[],
  ): Promise<{ readonly reached: number; readonly isExhausted: boolean }> {
    const scan = await this.#scanner.scan({
      room,
      userId,
      after,
      upTo,
      direction,
      limit: limit - events.length,
      filter,
    })
    for (const event of scan.events) events.push(event)
    return scan
  }
}

/** The boundary behind an event: before what was backfilled between it and the next one. */
function boundaryBehind(gaps: readonly TimelineGap[], pos: number): number {
  const gap = gaps.find(({ beforePos }) => beforePos === pos + 1)
  return gap ? positionsOfGap(gap.number).lowest - 1 : pos
}

/** Whether a stretch is the lower end of a gap, below which more may be missing. */
function goesOnBelow(stretch: TimelineStretch): stretch is TimelineStretch & { readonly gap: number } {
  return stretch.gap !== undefined && stretch.after === positionsOfGap(stretch.gap).lowest - 1
}
