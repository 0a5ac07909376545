import { gapOfPosition, positionsOfGap, type TimelineGap } from '@hearth/store'

/**
 * A stretch of a room's timeline whose events have positions in their order: `(after, upTo]`. Between two stretches of
 * what came live stands what was backfilled there.
 */
export interface TimelineStretch {
  readonly after: number
  readonly upTo: number
  /** The gap whose events these are; absent for a stretch that came live. */
  readonly gap?: number
}

/** Which part of a timeline to read: between two boundaries, and no further than a position. */
export interface StretchRange {
  /** The older boundary, a position after which it begins; the beginning of the room when absent. */
  readonly after?: number | undefined
  /** The newer boundary; the end of the room when absent. */
  readonly upTo?: number | undefined
  /** The last position that came live and may be read. */
  readonly lastPos: number
}

/**
 * A room's timeline as the stretches that it consists of, the newest first, cut to a range. A token is a position and
 * stands for the boundary right after it; that right before the event behind a gap stands behind the gap, so that whoever
 * has read that event goes on with what is in the gap.
 */
export function timelineStretches(
  gaps: readonly TimelineGap[],
  { after, upTo, lastPos }: StretchRange,
): TimelineStretch[] {
  const all = wholeTimeline(gaps.filter(({ beforePos }) => beforePos <= lastPos))
  const last = upTo === undefined ? undefined : find(all, upTo)
  const first = after === undefined ? undefined : find(all, after)
  // It begins in a gap behind what may be read.
  if (after !== undefined && first === undefined) return []
  const cut: TimelineStretch[] = []
  for (const [index, stretch] of all.entries()) {
    if (last !== undefined && index < last) continue
    if (first !== undefined && index > first) break
    const newest = index === last ? Math.min(stretch.upTo, upTo!) : stretch.upTo
    const oldest = index === first ? Math.max(stretch.after, after!) : stretch.after
    const readable = stretch.gap === undefined ? Math.min(newest, lastPos) : newest
    cut.push({ ...stretch, after: oldest, upTo: Math.max(readable, oldest) })
  }
  return cut
}

/** `gaps` with the newest first. */
function wholeTimeline(gaps: readonly TimelineGap[]): TimelineStretch[] {
  const stretches: TimelineStretch[] = []
  let upTo = Number.MAX_SAFE_INTEGER
  for (const { number, beforePos } of gaps) {
    stretches.push({ after: beforePos - 1, upTo }, stretchOfGap(number))
    upTo = beforePos - 1
  }
  stretches.push({ after: 0, upTo }, stretchOfGap(0))
  return stretches
}

function stretchOfGap(number: number): TimelineStretch {
  const { lowest, highest } = positionsOfGap(number)
  return { after: lowest - 1, upTo: highest, gap: number }
}

/** The index of the stretch in which a boundary lies; undefined for a gap that is not among them. */
function find(stretches: readonly TimelineStretch[], boundary: number): number | undefined {
  const number = boundary < 0 ? gapOfPosition(boundary) : undefined
  const index = stretches.findIndex(({ gap, after }) => gap === number && (gap !== undefined || boundary >= after))
  return index === -1 ? undefined : index
}
