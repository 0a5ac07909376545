import type { EventId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { eventIdOf, storedEventId } from './event-id-bytes.ts'

/** An event that is not stored, and the stored event that names it as a previous one. */
export interface MissingPrevious {
  readonly missing: EventId
  readonly child: EventId
}

/** Where a room's history breaks off. An event that was received whole and refused is not missing. */
export interface BackwardExtremity extends MissingPrevious {
  /** The stream position of the child. */
  readonly childPos: number
  readonly childStateNid: number
}

/**
 * Where the history of rooms breaks off: previous events that are missing. Only these have rows; all other edges of the
 * event graph are in the events themselves.
 */
export class BackwardExtremities {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Notes what a commit is going to leave out: to be called before it, so that no gap is without a row. If the commit
   * never happens the row means nothing.
   */
  async insert(roomNid: number, missing: readonly MissingPrevious[]): Promise<void> {
    if (missing.length === 0) return
    const stored = missing.map((each) => storedEventId(each.missing))
    await this.#db.execute(
      'backwardExtremities.insert',
      `insert into backward_extremities (room_nid, spelling, missing_id, child_id)
       select $1, * from unnest($2::smallint[], $3::bytea[], $4::bytea[]) on conflict do nothing`,
      [
        roomNid,
        stored.map(({ spelling }) => spelling),
        stored.map(({ bytes }) => bytes),
        missing.map(({ child }) => storedEventId(child).bytes),
      ],
    )
  }

  /** Those of these events that a stored event of the timeline names as a previous one without their being there. */
  async findMissing(roomNid: number, eventIds: readonly EventId[]): Promise<Set<EventId>> {
    if (eventIds.length === 0) return new Set()
    const rows = await this.#db.read<{ missing: Buffer; spelling: number }>(
      'backwardExtremities.findMissing',
      `select b.missing_id as missing, b.spelling
         from backward_extremities b join events c on c.event_id = b.child_id
        where b.room_nid = $1 and b.missing_id = any($2) and c.stream_pos is not null`,
      [roomNid, eventIds.map((eventId) => storedEventId(eventId).bytes)],
    )
    return new Set(rows.map(({ missing, spelling }) => eventIdOf(missing, spelling)))
  }

  /** The gaps of a room, the newest first: those whose missing event has come meanwhile are left out. */
  async list(roomNid: number, limit: number): Promise<BackwardExtremity[]> {
    const rows = await this.#db.query<{
      missing: Buffer
      spelling: number
      child: Buffer
      flags: number
      childPos: number
      childStateNid: number
    }>(
      'backwardExtremities.list',
      `select b.missing_id as missing, b.spelling, b.child_id as child, c.flags, c.stream_pos as "childPos",
              c.state_nid as "childStateNid"
         from backward_extremities b join events c on c.event_id = b.child_id
        where b.room_nid = $1 and c.room_nid = $1 and c.stream_pos is not null and c.state_nid is not null
          and not exists (select 1 from events e where e.event_id = b.missing_id and e.state_nid is not null)
        order by c.stream_pos desc limit $2`,
      [roomNid, limit],
    )
    return rows.map(({ missing, spelling, child, flags, childPos, childStateNid }) => ({
      missing: eventIdOf(missing, spelling),
      child: eventIdOf(child, flags),
      childPos,
      childStateNid,
    }))
  }

  /** Forgets gaps whose missing event has come. */
  async deleteFilled(roomNid: number): Promise<void> {
    await this.#db.execute(
      'backwardExtremities.deleteFilled',
      `delete from backward_extremities b
        where b.room_nid = $1
          and exists (select 1 from events e where e.event_id = b.missing_id and e.state_nid is not null)`,
      [roomNid],
    )
  }

  /** Gives missing events up. */
  async delete(roomNid: number, missing: readonly EventId[]): Promise<void> {
    if (missing.length === 0) return
    await this.#db.execute(
      'backwardExtremities.delete',
      'delete from backward_extremities where room_nid = $1 and missing_id = any ($2)',
      [roomNid, missing.map((eventId) => storedEventId(eventId).bytes)],
    )
  }
}
