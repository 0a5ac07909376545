import type { Queryable } from '../connection/queryable.ts'

/** A thread of a room. */
export interface ThreadRow {
  /** The event that it starts from. */
  readonly rootNid: number
  /** The position of its latest event. */
  readonly lastPos: number
}

/**
 * The threads of rooms by their latest event, so that a page of them does not cost what the threads are long. Written with
 * `relations`.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#threading}
 */
export class Threads {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * The threads whose latest event is at a position or before, newest first; with `participantNid`, those that the user has
   * started or taken part in.
   */
  async list(
    roomNid: number,
    { upTo, limit, participantNid }: { upTo: number; limit: number; participantNid?: number | undefined },
  ): Promise<ThreadRow[]> {
    return this.#db.query<ThreadRow>(
      'threads.list',
      `select e.nid as "rootNid", t.last_pos as "lastPos" from threads t
         join events e on e.event_id = t.root_id and e.room_nid = t.room_nid and e.stream_pos is not null
        where t.room_nid = $1 and t.last_pos <= $2
          and ($4::int is null or e.sender_nid = $4
               or exists (select 1 from relations r
                           where r.parent_id = t.root_id and r.rel_type = 'm.thread' and r.sender_nid = $4
                             and r.room_nid = t.room_nid))
        order by t.room_nid desc, t.last_pos desc limit $3`,
      [roomNid, upTo, limit, participantNid ?? null],
    )
  }
}
