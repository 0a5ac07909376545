import type { EventId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { eventIdOf, storedEventId } from './event-id-bytes.ts'

/** An event that waits for those before it. */
export interface StagedEvent {
  readonly eventId: EventId
  /** The server that sent it. */
  readonly originNid: number
  /** Its canonical JSON. */
  readonly json: string
  /** How often filling the gap before it has failed. */
  readonly attempts: number
}

/** Events of other servers whose previous or auth events are missing. */
export class InboundStaging {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Keeps events of a room, to be looked at from `now` on, as long as no more than `limit` wait there, and no more than
   * `limitOfOrigin` of those that this server sent.
   *
   * @returns how many of them are kept: the first ones.
   */
  async insert(
    roomNid: number,
    originNid: number,
    events: readonly Pick<StagedEvent, 'eventId' | 'json'>[],
    { now, limit, limitOfOrigin }: { readonly now: number; readonly limit: number; readonly limitOfOrigin: number },
  ): Promise<number> {
    if (events.length === 0) return 0
    const ids = events.map(({ eventId }) => storedEventId(eventId))
    const rows = await this.#db.query<{ waiting: number; own: number }>(
      'inboundStaging.insert',
      `with waiting as (select count(*) as n, count(*) filter (where origin_nid = $3) as own
                           from inbound_staging where room_nid = $2 and retry_ts is not null),
            inserted as (
         insert into inbound_staging as s (received_ts, retry_ts, room_nid, origin_nid, spelling, event_id, json)
         select $1, $1, $2, $3, e.spelling, e.id, e.json
           from waiting, unnest($4::smallint[], $5::bytea[], $6::text[]) with ordinality e(spelling, id, json, i)
          where waiting.n + e.i <= $7 and waiting.own + e.i <= $8
             on conflict (room_nid, event_id) do update
            set retry_ts = excluded.retry_ts, received_ts = excluded.received_ts, origin_nid = excluded.origin_nid
          where s.retry_ts is null)
       select n as waiting, own from waiting`,
      [
        now,
        roomNid,
        originNid,
        ids.map(({ spelling }) => spelling),
        ids.map(({ bytes }) => bytes),
        events.map(({ json }) => json),
        limit,
        limitOfOrigin,
      ],
    )
    const { waiting, own } = rows[0]!
    return Math.max(0, Math.min(events.length, limit - waiting, limitOfOrigin - own))
  }

  /** The first events of a room that are due. */
  async listDue(roomNid: number, now: number, limit: number): Promise<StagedEvent[]> {
    const rows = await this.#db.query<Omit<StagedEvent, 'eventId'> & { id: Buffer; spelling: number }>(
      'inboundStaging.listDue',
      `select origin_nid as "originNid", json, attempts, event_id as id, spelling from inbound_staging
        where room_nid = $1 and retry_ts <= $2 order by received_ts, event_id limit $3`,
      [roomNid, now, limit],
    )
    return rows.map(({ id, spelling, ...row }) => ({ ...row, eventId: eventIdOf(id, spelling) }))
  }

  /** The rooms with events that are due, those that wait for longest first. */
  async listRoomsDue(now: number, limit: number): Promise<number[]> {
    const rows = await this.#db.query<{ roomNid: number }>(
      'inboundStaging.listRoomsDue',
      `select room_nid as "roomNid" from inbound_staging where retry_ts <= $1
        group by room_nid order by min(retry_ts) limit $2`,
      [now, limit],
    )
    return rows.map(({ roomNid }) => roomNid)
  }

  /** Notes that filling the gap before an event has failed. It is due again at `retryTs`; given up when that is null. */
  async postpone(roomNid: number, eventId: EventId, retryTs: number | null, failure: string): Promise<void> {
    await this.#db.execute(
      'inboundStaging.postpone',
      `update inbound_staging set retry_ts = $3, failure = $4, attempts = attempts + 1
        where room_nid = $1 and event_id = $2`,
      [roomNid, storedEventId(eventId).bytes, retryTs, failure],
    )
  }

  /** Forgets events that have become part of their room, or never will. */
  async delete(roomNid: number, eventIds: readonly EventId[]): Promise<void> {
    if (eventIds.length === 0) return
    await this.#db.execute(
      'inboundStaging.delete',
      'delete from inbound_staging where room_nid = $1 and event_id = any ($2)',
      [roomNid, eventIds.map((eventId) => storedEventId(eventId).bytes)],
    )
  }

  /** Forgets all events of a room. */
  async deleteOfRoom(roomNid: number): Promise<void> {
    await this.#db.execute('inboundStaging.deleteOfRoom', 'delete from inbound_staging where room_nid = $1', [roomNid])
  }

  /** Forgets events that were given up and came before a time. */
  async deleteGivenUp(beforeTs: number): Promise<void> {
    await this.#db.execute(
      'inboundStaging.deleteGivenUp',
      'delete from inbound_staging where retry_ts is null and received_ts < $1',
      [beforeTs],
    )
  }
}
