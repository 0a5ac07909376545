import type { Queryable } from '../connection/queryable.ts'

/** What a user reported: an event of a room, a room, or a user. */
export interface NewReport {
  readonly reporterNid: number
  readonly roomNid?: number | undefined
  readonly eventNid?: number | undefined
  readonly userNid?: number | undefined
  readonly reason: string
  /** Milliseconds since the epoch. */
  readonly receivedTs: number
}

export interface ReportRow {
  readonly nid: number
  readonly reporterNid: number
  readonly roomNid: number | null
  readonly eventNid: number | null
  readonly userNid: number | null
  readonly reason: string
  readonly receivedTs: number
}

const columns = `nid, reporter_nid as "reporterNid", room_nid as "roomNid", event_nid as "eventNid", user_nid as "userNid",
  reason, received_ts as "receivedTs"`

/** What users found worth an administrator's look. */
export class Reports {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Adds a report; one of the same user about the same subject takes the place of the earlier one. False when the reporter
   * has `max` already.
   */
  async add(report: NewReport, max: number): Promise<boolean> {
    const { reporterNid, roomNid = null, eventNid = null, userNid = null, reason, receivedTs } = report
    const added = await this.#db.execute(
      'reports.add',
      `insert into reports (reporter_nid, room_nid, event_nid, user_nid, reason, received_ts)
       select $1::int, $2::int, $3::bigint, $4::int, $5, $6
        where (select count(*) from reports where reporter_nid = $1
                and (room_nid, event_nid, user_nid) is distinct from ($2, $3, $4)) < $7
       on conflict on constraint reports_subject do update
         set reason = excluded.reason, received_ts = excluded.received_ts`,
      [reporterNid, roomNid, eventNid, userNid, reason, receivedTs, max],
    )
    return added === 1
  }

  /** The newest reports before one, or of all; at most `limit`. */
  async list(before: number | undefined, limit: number): Promise<ReportRow[]> {
    return this.#db.read<ReportRow>(
      'reports.list',
      `select ${columns} from reports where nid < coalesce($1, 9223372036854775807) order by nid desc limit $2`,
      [before ?? null, limit],
    )
  }
}
