import type { ServerName } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'

/** How another server has been doing. */
export interface ServerHealthRow {
  readonly serverNid: number
  /** Failures in a row. */
  readonly failures: number
  /** When to try it again, in milliseconds; null: it may be tried. */
  readonly retryTs: number | null
  /** When it answered last, in milliseconds, to the hour or so. */
  readonly okTs: number | null
}

/** A server that has not got everything. */
export interface BehindRow {
  readonly serverNid: number
  /** It has everything up to this position of the stream; null: up to where the sender has come. */
  readonly pos: number | null
  /** Since when, in milliseconds. */
  readonly since: number | null
}

/** The servers that are sent something: how they do, and how far each of them has come. */
export class FedDestinations {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  async listHealth(): Promise<(ServerHealthRow & { readonly name: ServerName })[]> {
    return this.#db.query(
      'fedDestinations.listHealth',
      `select d.server_nid as "serverNid", s.name, failures, retry_ts as "retryTs", ok_ts as "okTs"
         from fed_dest d join servers s on s.nid = d.server_nid
        where failures > 0 or ok_ts is not null`,
    )
  }

  async listBehind(): Promise<{ readonly serverNid: number; readonly pos: number; readonly since: number }[]> {
    return this.#db.query(
      'fedDestinations.listBehind',
      `select server_nid as "serverNid", behind_pos as pos, coalesce(behind_ts, 0) as since from fed_dest
        where behind_pos is not null`,
    )
  }

  async saveHealth(rows: readonly ServerHealthRow[]): Promise<void> {
    if (rows.length === 0) return
    await this.#db.execute(
      'fedDestinations.saveHealth',
      `insert into fed_dest (server_nid, failures, retry_ts, ok_ts)
       select * from unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[]) order by 1
       on conflict (server_nid) do update
         set failures = excluded.failures, retry_ts = excluded.retry_ts, ok_ts = excluded.ok_ts`,
      [
        rows.map(({ serverNid }) => serverNid),
        rows.map(({ failures }) => failures),
        rows.map(({ retryTs }) => retryTs),
        rows.map(({ okTs }) => okTs),
      ],
    )
  }

  async saveBehind(rows: readonly BehindRow[]): Promise<void> {
    if (rows.length === 0) return
    await this.#db.execute(
      'fedDestinations.saveBehind',
      `insert into fed_dest (server_nid, behind_pos, behind_ts)
       select * from unnest($1::int[], $2::bigint[], $3::bigint[]) order by 1
       on conflict (server_nid) do update set behind_pos = excluded.behind_pos, behind_ts = excluded.behind_ts`,
      [rows.map(({ serverNid }) => serverNid), rows.map(({ pos }) => pos), rows.map(({ since }) => since)],
    )
  }

  /** Deletes those that have everything and have not answered since a time, in milliseconds. */
  async deleteIdle(okBefore: number): Promise<number> {
    return this.#db.execute(
      'fedDestinations.deleteIdle',
      `delete from fed_dest d where behind_pos is null and coalesce(ok_ts, 0) < $1 and coalesce(retry_ts, 0) < $1
         and not exists (select from fed_outbox o where o.server_nid = d.server_nid)`,
      [okBefore],
    )
  }
}
