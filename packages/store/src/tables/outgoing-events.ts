import type { Queryable } from '../connection/queryable.ts'
import { eventFlags } from './event-flags.ts'
import { wellKnownTypes } from './event-types.ts'

/** An event that this server sends to others. */
export interface OutgoingEvent {
  readonly pos: number
  readonly roomNid: number
  readonly senderNid: number
  /** Canonical JSON. */
  readonly json: string
}

/** What a server has missed of a room. */
export interface MissedRoom {
  readonly roomNid: number
  /** How many events, counted no further than was asked for. */
  readonly count: number
  /** The position of the last of them. */
  readonly lastPos: number
}

/** A part of the stream, from the view of a server. */
export interface MissedRange {
  readonly after: number
  readonly upTo: number
}

const isOutgoing = `t.flags & ${eventFlags.outgoing} <> 0 and t.stream_pos > 0`

/**
 * The rooms that a server is or was in since `after`, and between which positions: what brought it in came from itself, and
 * what took it out it is still to get.
 */
const stays = `select room_nid, greatest(since_pos, $2) as after, least(coalesce(left_pos, $3), $3) as up_to
                 from room_servers where server_nid = $1 and since_pos < $3 and coalesce(left_pos, $3) > $2`

/** Whether an event is about the membership of a user of the server. */
const isAboutItsUsers = `t.type_nid = ${wellKnownTypes['m.room.member']} and exists (
    select from state_keys k join users m on m.user_id = k.key where k.nid = t.skey_nid and m.server_nid = $1)`

/** The events that this server sends to the others in their rooms, as the store knows them. */
export class OutgoingEvents {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Those at positions after one and up to another, in order; at most `limit`. */
  async list({ after, upTo }: MissedRange, limit: number): Promise<OutgoingEvent[]> {
    return this.#db.query<OutgoingEvent>(
      'outgoingEvents.list',
      `select stream_pos as pos, room_nid as "roomNid", sender_nid as "senderNid", json
         from ((select * from events where nid > $1 and nid <= $2 and stream_pos = nid and flags & ${eventFlags.outgoing} <> 0
                 order by nid limit $3)
               union all
               (select * from events where stream_pos > $1 and stream_pos <= $2 and stream_pos > 0 and stream_pos <> nid
                   and flags & ${eventFlags.outgoing} <> 0 order by stream_pos limit $3)) e
        order by stream_pos limit $3`,
      [after, upTo, limit],
    )
  }

  /**
   * The next `limit` that are for a server, in the order of the stream. Of the rooms in `onlyLast` it gets none before the
   * given position, and of an earlier stay in a room than its last one nothing; but it is always told what became of its own
   * users, since nobody else might tell it that they were removed.
   */
  async listFor(
    serverNid: number,
    { after, upTo }: MissedRange,
    { limit, onlyLast }: { readonly limit: number; readonly onlyLast: ReadonlyMap<number, number> },
  ): Promise<OutgoingEvent[]> {
    return this.#db.query<OutgoingEvent>(
      'outgoingEvents.listFor',
      `select e.stream_pos as pos, e.room_nid as "roomNid", e.sender_nid as "senderNid", e.json
         from (${stays}) r
         left join unnest($5::int[], $6::bigint[]) s (room_nid, from_pos) on s.room_nid = r.room_nid
         cross join lateral (select * from events t
                              where t.room_nid = r.room_nid and ${isOutgoing}
                                and t.stream_pos > $2 and t.stream_pos <= r.up_to
                                and (t.stream_pos > greatest(r.after, s.from_pos - 1) or ${isAboutItsUsers})
                                and not exists (select from users u where u.nid = t.sender_nid and u.server_nid = $1)
                              order by t.room_nid, t.stream_pos limit $4) e
        order by e.stream_pos limit $4`,
      [serverNid, after, upTo, limit, [...onlyLast.keys()], [...onlyLast.values()]],
    )
  }

  /** The rooms of which a server has missed more than `atLeast` events. */
  async listMissedRooms(serverNid: number, { after, upTo }: MissedRange, atLeast: number): Promise<MissedRoom[]> {
    return this.#db.query<MissedRoom>(
      'outgoingEvents.listMissedRooms',
      `select r.room_nid as "roomNid", m.count,
              (select max(t.stream_pos) from events t
                where t.room_nid = r.room_nid and ${isOutgoing}
                  and t.stream_pos > r.after and t.stream_pos <= r.up_to) as "lastPos"
         from (${stays}) r
         cross join lateral (select count(*) from (select from events t
                              where t.room_nid = r.room_nid and ${isOutgoing}
                                and t.stream_pos > r.after and t.stream_pos <= r.up_to limit $4 + 1) c) m
        where m.count > $4`,
      [serverNid, after, upTo, atLeast],
    )
  }
}
