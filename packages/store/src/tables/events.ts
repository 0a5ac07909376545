import type { EventId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { eventFlags } from './event-flags.ts'
import { eventIdOf, storedEventId } from './event-id-bytes.ts'

/** A stored event. */
export interface EventRow {
  readonly nid: number
  /** null: an outlier. Negative: backfilled. */
  readonly streamPos: number | null
  readonly roomNid: number
  readonly typeNid: number
  /** null for message-like events. */
  readonly stateKeyNid: number | null
  readonly senderNid: number
  /** Bits of `eventFlags`. */
  readonly flags: number
  readonly depth: number
  /** `origin_server_ts`, milliseconds. */
  readonly ts: number
  /** The room's state after the event in its own history; null when it is not known (outliers). */
  readonly stateNid: number | null
  /**
   * The room's current state after the event where it did not simply follow on the room's head; null where it did: then it
   * is the state after the event in its own history, and the state before it was the room's as well.
   */
  readonly currentStateNid: number | null
  readonly eventId: EventId
  /** Canonical JSON; that of a redacted event is pruned. */
  readonly json: string
  /** The redaction that was applied to it. */
  readonly redactedBy: number | null
  /** For a state event: the event that held its key in the state before it. */
  readonly replacesNid: number | null
}

/** What an event is in a state. */
export type EventIdentity = Pick<EventRow, 'eventId' | 'nid' | 'roomNid' | 'typeNid' | 'stateKeyNid' | 'flags'>

/** A part of a room's timeline: positions in `(after, upTo]`. */
export interface TimelineRange {
  readonly after: number
  readonly upTo: number
  /** `f`: oldest first; `b`: newest first. */
  readonly direction: 'f' | 'b'
  readonly limit: number
}

/** A part of a room's timeline by time. */
export interface TimeRange {
  /** Exclusive; events of one millisecond are told apart by their nid. */
  readonly from: { readonly ts: number; readonly nid: number }
  /** The last stream position. */
  readonly upTo: number
  /** `f`: oldest first; `b`: newest first. */
  readonly direction: 'f' | 'b'
  readonly limit: number
}

/** A row of `eventColumns`. */
export type StoredEventRow = Omit<EventRow, 'eventId'> & { id: Buffer }

/** The columns of the table (or subquery) `e` that make an event. */
export const eventColumns = `e.nid, e.stream_pos as "streamPos", e.room_nid as "roomNid", e.type_nid as "typeNid",
  e.skey_nid as "stateKeyNid", e.sender_nid as "senderNid", e.flags, e.depth, e.ts, e.state_nid as "stateNid",
  e.current_nid as "currentStateNid", e.event_id as id, e.json, e.redacted_by as "redactedBy", e.replaces_nid as "replacesNid"`

/** All events. */
export class Events {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** The events with these nids, in their order. */
  async findByNids(nids: readonly number[]): Promise<EventRow[]> {
    if (nids.length === 0) return []
    const rows = await this.read('events.findByNids', `select ${eventColumns} from events e where e.nid = any($1)`, [
      nids,
    ])
    const byNid = new Map(rows.map((row) => [row.nid, row]))
    return nids.flatMap((nid) => byNid.get(nid) ?? [])
  }

  /** The events with these ids, in their order. */
  async findByIds(eventIds: readonly EventId[]): Promise<EventRow[]> {
    if (eventIds.length === 0) return []
    const rows = await this.read(
      'events.findByIds',
      `select ${eventColumns} from events e where e.event_id = any($1)`,
      [eventIds.map((eventId) => storedEventId(eventId).bytes)],
    )
    return inOrder(rows, eventIds)
  }

  /** The numbers of those events that are stored. */
  async findNids(eventIds: readonly EventId[]): Promise<Map<EventId, number>> {
    if (eventIds.length === 0) return new Map()
    const rows = await this.#db.read<{ nid: number; flags: number; id: Buffer }>(
      'events.findNids',
      'select nid, flags, event_id as id from events where event_id = any($1)',
      [eventIds.map((eventId) => storedEventId(eventId).bytes)],
    )
    const found = rows.map(({ nid, flags, id }) => ({ nid, eventId: eventIdOf(id, flags) }))
    return new Map(inOrder(found, eventIds).map(({ nid, eventId }) => [eventId, nid]))
  }

  /** The ids of events, those that are not there left out: without their JSON, for answers about many. */
  async findIds(nids: readonly number[]): Promise<Map<number, EventId>> {
    if (nids.length === 0) return new Map()
    const rows = await this.#db.query<{ nid: number; flags: number; id: Buffer }>(
      'events.findIds',
      'select nid, flags, event_id as id from events where nid = any($1)',
      [nids],
    )
    return new Map(rows.map(({ nid, flags, id }) => [nid, eventIdOf(id, flags)]))
  }

  /** The JSON of events, those that are not there left out. Nothing is remembered of it: for answers about many. */
  async findJson(nids: readonly number[]): Promise<Map<number, string>> {
    if (nids.length === 0) return new Map()
    const rows = await this.#db.query<{ nid: number; json: string }>(
      'events.findJson',
      'select nid, json from events where nid = any($1)',
      [nids],
    )
    return new Map(rows.map(({ nid, json }) => [nid, json]))
  }

  /** The depth of the first event of a room that came live; 0 where there is none. */
  async firstDepth(roomNid: number): Promise<number> {
    const [row] = await this.#db.read<{ depth: number }>(
      'events.firstDepth',
      `select depth from events where room_nid = $1 and stream_pos > 0 order by room_nid, stream_pos limit 1`,
      [roomNid],
    )
    return row?.depth ?? 0
  }

  /** What states are made of: the keys of those of these events that are stored, are of the room and were not rejected. */
  async findStateKeys(
    roomNid: number,
    eventIds: readonly EventId[],
  ): Promise<
    { readonly eventId: EventId; readonly nid: number; readonly typeNid: number; readonly stateKeyNid: number }[]
  > {
    if (eventIds.length === 0) return []
    const rows = await this.#db.query<{ nid: number; typeNid: number; stateKeyNid: number; flags: number; id: Buffer }>(
      'events.findStateKeys',
      `select nid, type_nid as "typeNid", skey_nid as "stateKeyNid", flags, event_id as id from events
        where event_id = any($2) and room_nid = $1 and skey_nid is not null and flags & ${eventFlags.rejected} = 0`,
      [roomNid, eventIds.map((eventId) => storedEventId(eventId).bytes)],
    )
    return inOrder(
      rows.map(({ id, flags, ...row }) => ({ ...row, eventId: eventIdOf(id, flags) })),
      eventIds,
    )
  }

  /** What states are made of, of those events that are stored: without their JSON, for whole states at once. */
  async findIdentities(eventIds: readonly EventId[]): Promise<Map<EventId, EventIdentity>> {
    if (eventIds.length === 0) return new Map()
    const rows = await this.#db.read<Omit<EventIdentity, 'eventId'> & { id: Buffer }>(
      'events.findIdentities',
      `select nid, room_nid as "roomNid", type_nid as "typeNid", skey_nid as "stateKeyNid", flags, event_id as id
         from events where event_id = any($1)`,
      [eventIds.map((eventId) => storedEventId(eventId).bytes)],
    )
    const found = rows.map(({ id, flags, ...row }) => ({
      ...row,
      flags: flags & ~eventFlags.spelling,
      eventId: eventIdOf(id, flags),
    }))
    return new Map(inOrder(found, eventIds).map((identity) => [identity.eventId, identity]))
  }

  /** A page of a room's timeline. Backfilled events have negative positions, so one range may span both kinds. */
  async listRoomEvents(roomNid: number, { after, upTo, direction, limit }: TimelineRange): Promise<EventRow[]> {
    return direction === 'f'
      ? this.read(
          'events.listRoomEventsForwards',
          `select ${eventColumns} from events e where e.room_nid = $1 and e.stream_pos > $2 and e.stream_pos <= $3
            order by e.room_nid, e.stream_pos limit $4`,
          [roomNid, after, upTo, limit],
        )
      : this.read(
          'events.listRoomEventsBackwards',
          `select ${eventColumns} from events e where e.room_nid = $1 and e.stream_pos > $2 and e.stream_pos <= $3
            order by e.room_nid desc, e.stream_pos desc limit $4`,
          [roomNid, after, upTo, limit],
        )
  }

  /** The newest `limit` events in each of these parts of timelines, one part a room: oldest first, one room after another. */
  async listNewestByRooms(
    ranges: readonly (Pick<TimelineRange, 'after' | 'upTo'> & { readonly roomNid: number })[],
    limit: number,
  ): Promise<EventRow[]> {
    if (ranges.length === 0) return []
    return this.read(
      'events.listNewestByRooms',
      `select ${eventColumns} from unnest($1::int[], $2::bigint[], $3::bigint[]) r(room_nid, after, up_to)
         cross join lateral (select * from events t
                              where t.room_nid = r.room_nid and t.stream_pos > r.after and t.stream_pos <= r.up_to
                              order by t.room_nid desc, t.stream_pos desc limit $4) e
        order by e.room_nid, e.stream_pos`,
      [ranges.map(({ roomNid }) => roomNid), ranges.map(({ after }) => after), ranges.map(({ upTo }) => upTo), limit],
    )
  }

  /** Events of a room's timeline in the order of their `origin_server_ts`, after a time and a nid. */
  async listByTime(roomNid: number, { from, upTo, direction, limit }: TimeRange): Promise<EventRow[]> {
    return direction === 'f'
      ? this.read(
          'events.listByTimeForwards',
          `select ${eventColumns} from events e
            where e.room_nid = $1 and e.stream_pos is not null and e.stream_pos <= $2
              and e.ts >= $3 and (e.ts > $3 or e.nid > $4)
            order by e.room_nid, e.ts, e.nid limit $5`,
          [roomNid, upTo, from.ts, from.nid, limit],
        )
      : this.read(
          'events.listByTimeBackwards',
          `select ${eventColumns} from events e
            where e.room_nid = $1 and e.stream_pos is not null and e.stream_pos <= $2
              and e.ts <= $3 and (e.ts < $3 or e.nid < $4)
            order by e.room_nid desc, e.ts desc, e.nid desc limit $5`,
          [roomNid, upTo, from.ts, from.nid, limit],
        )
  }

  protected async read(
    name: string,
    text: string,
    values: readonly (number | readonly (number | Buffer)[])[],
  ): Promise<EventRow[]> {
    const rows = await this.#db.read<StoredEventRow>(name, text, values)
    return rows.map(eventOf)
  }
}

/** The event of a row. */
export function eventOf({ id, flags, ...row }: StoredEventRow): EventRow {
  return { ...row, flags: flags & ~eventFlags.spelling, eventId: eventIdOf(id, flags) }
}

/** The rows of these ids. Leaves out rows whose id has the same bytes as a requested one in another spelling. */
function inOrder<Row extends { eventId: EventId }>(rows: readonly Row[], eventIds: readonly EventId[]): Row[] {
  const byId = new Map(rows.map((row) => [row.eventId, row]))
  return eventIds.flatMap((eventId) => byId.get(eventId) ?? [])
}
