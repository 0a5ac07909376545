import type { Queryable } from '../connection/queryable.ts'

/** An EDU that waits for a server to take it. */
export interface OutboxRow {
  readonly nid: number
  readonly type: string
  /** JSON text. */
  readonly content: string
}

/** An EDU for a server. */
export type NewOutboxEdu = Omit<OutboxRow, 'nid'> & { readonly serverNid: number }

/** What may wait for one server; it is sent no more until it has taken some. */
export interface OutboxQuota {
  readonly edus: number
  readonly bytes: number
}

/** EDUs that must not be lost: each waits until its server has taken it. */
export class FedOutbox {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Adds EDUs, but for servers that take none so that a quota is full. */
  async add(edus: readonly NewOutboxEdu[], now: number, quota: OutboxQuota): Promise<void> {
    if (edus.length === 0) return
    await this.#db.execute(
      'fedOutbox.add',
      `insert into fed_outbox (server_nid, added_ts, type, content)
       select e.server_nid, $4, e.type, e.content
         from unnest($1::int[], $2::text[], $3::text[]) with ordinality e (server_nid, type, content, i)
        where (select count(*) < $5 and coalesce(sum(octet_length(content)), 0) < $6
                 from (select content from fed_outbox o where o.server_nid = e.server_nid limit $5) waiting)
        order by e.i`,
      [
        edus.map(({ serverNid }) => serverNid),
        edus.map(({ type }) => type),
        edus.map(({ content }) => content),
        now,
        quota.edus,
        quota.bytes,
      ],
    )
  }

  /** What waits for a server, oldest first: at most `limit`, and none once those before it have `bytes`. */
  async list(serverNid: number, limit: number, bytes: number): Promise<OutboxRow[]> {
    return this.#db.query<OutboxRow>(
      'fedOutbox.list',
      `select nid, type, content
         from (select *, sum(octet_length(content)) over (order by nid) - octet_length(content) as before
                 from (select * from fed_outbox where server_nid = $1 order by nid limit $2) first) t
        where before < $3 order by nid`,
      [serverNid, limit, bytes],
    )
  }

  /** The servers that something waits for. */
  async listServers(): Promise<number[]> {
    const rows = await this.#db.query<{ serverNid: number }>(
      'fedOutbox.listServers',
      'select distinct server_nid as "serverNid" from fed_outbox',
    )
    return rows.map(({ serverNid }) => serverNid)
  }

  /** Deletes what a server has taken. */
  async delete(serverNid: number, nids: readonly number[]): Promise<void> {
    if (nids.length === 0) return
    await this.#db.execute('fedOutbox.delete', 'delete from fed_outbox where server_nid = $1 and nid = any($2)', [
      serverNid,
      nids,
    ])
  }

  /** Deletes what was added before a time, in milliseconds: whom it was for will not come for it. */
  async deleteBefore(ts: number): Promise<number> {
    return this.#db.execute('fedOutbox.deleteBefore', 'delete from fed_outbox where added_ts < $1', [ts])
  }
}
