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
  /** When it failed last since it answered, in milliseconds. */
  readonly failedTs: number | null
  /** When it failed for the first time since it answered, in milliseconds. */
  readonly failingSinceTs: number | null
}

/** A server as those see it who look after this one. */
export interface DestinationRow extends Omit<ServerHealthRow, 'serverNid'> {
  readonly name: ServerName
  /** It has everything up to this position of the stream; null: it has never answered. */
  readonly sentUpTo: number | null
}

export const destinationOrders = ['name', 'failedTs', 'waitMs', 'failingSinceTs', 'sentUpTo'] as const
export type DestinationOrder = (typeof destinationOrders)[number]

/** Which of the servers. */
export interface DestinationPage {
  /** A part of their names. */
  readonly named?: string | undefined
  readonly orderBy: DestinationOrder
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
}

/** A server that has not got everything. */
export interface BehindRow {
  readonly serverNid: number
  /** It has everything up to this position of the stream; null: up to where the sender has come. */
  readonly pos: number | null
  /** Since when, in milliseconds. */
  readonly since: number | null
}

const health = `failures, retry_ts as "retryTs", ok_ts as "okTs", failed_ts as "failedTs", failing_since_ts as "failingSinceTs"`

/** Who is not behind has what the cursor of the sender says. */
const destination = `select s.name, ${health}, retry_ts - failed_ts as "waitMs",
    coalesce(behind_pos, case when ok_ts is not null then (select pos from consumer_cursor where name = 'federation-sender') end)
      as "sentUpTo"
  from fed_dest d join servers s on s.nid = d.server_nid`

/** The servers that are sent something: how they do, and how far each of them has come. */
export class FedDestinations {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  async listHealth(): Promise<(ServerHealthRow & { readonly name: ServerName })[]> {
    return this.#db.query(
      'fedDestinations.listHealth',
      `select d.server_nid as "serverNid", s.name, ${health}
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
      `insert into fed_dest (server_nid, failures, retry_ts, ok_ts, failed_ts, failing_since_ts)
       select * from unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) order by 1
       on conflict (server_nid) do update
         set failures = excluded.failures, retry_ts = excluded.retry_ts, ok_ts = excluded.ok_ts,
             failed_ts = excluded.failed_ts, failing_since_ts = excluded.failing_since_ts`,
      [
        rows.map(({ serverNid }) => serverNid),
        rows.map(({ failures }) => failures),
        rows.map(({ retryTs }) => retryTs),
        rows.map(({ okTs }) => okTs),
        rows.map(({ failedTs }) => failedTs),
        rows.map(({ failingSinceTs }) => failingSinceTs),
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

  /** A page of those of which anything is known, and how many there are. */
  async list({ named = '', orderBy, descending, offset, limit }: DestinationPage): Promise<{
    rows: DestinationRow[]
    total: number
  }> {
    const direction = descending ? 'desc nulls last' : 'asc nulls first'
    const rows = await this.#db.read<DestinationRow & { total: number }>(
      null,
      `select *, count(*) over () as total from (${destination}) x where position($1::text in name) > 0
        order by "${orderBy}" ${direction}, name limit $2 offset $3`,
      [named, limit, offset],
    )
    if (rows.length > 0 || offset === 0) return { rows, total: rows[0]?.total ?? 0 }
    const first = await this.list({ named, orderBy, descending, offset: 0, limit: 1 })
    return { rows: [], total: first.total }
  }

  /** One of which anything is known. */
  async find(server: ServerName): Promise<DestinationRow | undefined> {
    const rows = await this.#db.read<DestinationRow>('fedDestinations.find', `${destination} where s.name = $1`, [
      server,
    ])
    return rows[0]
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
