import type { Queryable } from '../connection/queryable.ts'

/** A gap within a room's timeline, between events that both came live. */
export interface TimelineGap {
  /** 1 or more; 0 is the history before everything that came live. */
  readonly number: number
  /** The position of the event that stands after the gap. */
  readonly beforePos: number
}

/** How many backfilled events one gap can hold. */
const GAP_SIZE = 2 ** 40

/** The positions of what fills a gap, both ends included. */
export function positionsOfGap(number: number): { readonly lowest: number; readonly highest: number } {
  return { lowest: -(number + 1) * GAP_SIZE + 1, highest: -number * GAP_SIZE - 1 }
}

/** The gap that a negative stream position lies in, or the one that it is the lower boundary of. */
export function gapOfPosition(pos: number): number {
  return Math.floor((-pos - 1) / GAP_SIZE)
}

/** Where backfilled events belong in timelines: their positions are negative, wherever their gap is. */
export class TimelineGaps {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** The gaps of a room within its timeline, the newest first. */
  async list(roomNid: number): Promise<TimelineGap[]> {
    return this.#db.read<TimelineGap>(
      'timelineGaps.list',
      'select number, before_pos as "beforePos" from timeline_gaps where room_nid = $1 order by before_pos desc',
      [roomNid],
    )
  }

  /** The number of the gap before an event of the timeline; 0 when nothing of the room came live before it. */
  async numberBefore(roomNid: number, beforePos: number): Promise<number> {
    const [row] = await this.#db.query<{ number: number }>(
      'timelineGaps.numberBefore',
      `with existing as (
         select number from timeline_gaps where room_nid = $1 and before_pos = $2),
       added as (
         insert into timeline_gaps (room_nid, number, before_pos)
         select $1, coalesce((select max(number) from timeline_gaps where room_nid = $1), 0) + 1, $2
          where not exists (select 1 from existing)
            and exists (select 1 from events
                         where room_nid = $1 and stream_pos > 0 and stream_pos < $2 and state_nid is not null)
         returning number)
       select number from existing union all select number from added`,
      [roomNid, beforePos],
    )
    return row?.number ?? 0
  }
}
