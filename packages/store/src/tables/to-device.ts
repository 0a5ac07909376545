import { createHash } from 'node:crypto'
import type { Queryable } from '../connection/queryable.ts'
import type { ClientTransaction } from '../persister/room-commit.ts'
import { transactionKey } from './client-transactions.ts'

/** Where a message waits. */
export interface ToDeviceEntry {
  readonly pos: number
  readonly userNid: number
  readonly deviceNid: number
}

/** A message that waits for a device. */
export interface ToDeviceRow {
  readonly pos: number
  readonly senderNid: number
  readonly type: string
  /** JSON text. */
  readonly content: string
}

/** For whom a message is. */
export interface ToDeviceMessage {
  /** Of a user of this server. */
  readonly localpart: string
  /** null: all devices of the user that have no message of their own. */
  readonly deviceId: string | null
  /** JSON text. */
  readonly content: string
}

/** Messages of one type that are sent together. */
export interface ToDeviceMailing {
  readonly senderNid: number
  readonly type: string
  readonly messages: readonly ToDeviceMessage[]
}

export interface ToDeviceQuota {
  /** What may wait for one device; it gets no more until it has taken some. */
  readonly waiting: { readonly messages: number; readonly bytes: number }
  /** What one mailing may come to, over all devices. */
  readonly mailing: { readonly messages: number; readonly bytes: number }
}

/** The messages that wait for devices, in the order in which they were sent. */
export class ToDevice {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Within the transaction that sends: whether a client's transaction is new. Those of its device from before a time, in
   * milliseconds, are no longer remembered.
   */
  async claim(transaction: ClientTransaction, now: number, forgetBefore: number): Promise<boolean> {
    const claimed = await this.#db.query(
      'toDevice.claim',
      `with forgotten as (delete from to_device_txn where device_nid = $1 and sent_ts < $4)
       insert into to_device_txn (device_nid, key, sent_ts) values ($1, $2, $3) on conflict do nothing returning key`,
      [transaction.deviceNid, transactionKey(transaction).toString('hex'), now, forgetBefore],
    )
    return claimed.length > 0
  }

  /** The same for a message of another server, by the id that this gave it. */
  async claimHeard(serverNid: number, messageId: string, now: number, forgetBefore: number): Promise<boolean> {
    const key = createHash('sha256').update(messageId).digest('hex').slice(0, 32)
    const claimed = await this.#db.query(
      'toDevice.claimHeard',
      `with forgotten as (delete from to_device_heard where server_nid = $1 and heard_ts < $4)
       insert into to_device_heard (server_nid, key, heard_ts) values ($1, $2, $3) on conflict do nothing returning key`,
      [serverNid, key, now, forgetBefore],
    )
    return claimed.length > 0
  }

  /**
   * Within a transaction: puts messages before the devices that there are, at consecutive stream positions. Resolves to
   * what was put where; to undefined when the mailing is larger than the quota.
   */
  async send(
    { senderNid, type, messages }: ToDeviceMailing,
    quota: ToDeviceQuota,
  ): Promise<readonly ToDeviceEntry[] | undefined> {
    const rows = await this.#db.query<{ fits: boolean } & (ToDeviceEntry | { pos: null })>(
      'toDevice.send',
      // Devices are locked in one order, so that none goes before its message is there.
      `with addressed as materialized (
         select a.user_nid, m.device_id, m.content
           from unnest($1::text[], $2::text[], $3::text[]) as m (localpart, device_id, content)
           join accounts a on a.localpart = m.localpart
       ), found as (
         select d.nid, d.user_nid, m.content, true as is_own
           from addressed m join devices d on d.user_nid = m.user_nid and d.device_id = m.device_id
         union all
         select d.nid, d.user_nid, m.content, false
           from addressed m join devices d on d.user_nid = m.user_nid where m.device_id is null
       ), addressees as materialized (
         select distinct on (nid) nid, user_nid, content from found order by nid, is_own desc
       ), locked as materialized (
         select d.nid, t.user_nid, t.content from addressees t join devices d on d.nid = t.nid
          order by d.nid for key share of d
       ), taken as materialized (
         select nid, user_nid, content, row_number() over (order by nid) as n from locked d
          where (select count(*) < $5 and coalesce(sum(octet_length(content)), 0) < $6
                   from (select content from to_device where device_nid = d.nid limit $5) waiting)
       ), total as materialized (
         select count(*) as n, count(*) <= $7 and coalesce(sum(octet_length(content)), 0) <= $8 as fits from taken
       ), head as (
         update stream_head set pos = pos + (select n from total)
          where (select n > 0 and fits from total)
         returning pos
       ), sent as (
         insert into to_device (pos, device_nid, sender_nid, type, content)
         select head.pos - total.n + taken.n, nid, $4, $9, content from taken, total, head
       )
       select total.fits, head.pos - total.n + taken.n as pos, user_nid as "userNid", nid as "deviceNid"
         from total left join head on true left join taken on head.pos is not null
        order by taken.n`,
      [
        messages.map(({ localpart }) => localpart),
        messages.map(({ deviceId }) => deviceId),
        messages.map(({ content }) => content),
        senderNid,
        quota.waiting.messages,
        quota.waiting.bytes,
        quota.mailing.messages,
        quota.mailing.bytes,
        type,
      ],
    )
    if (!rows[0]!.fits) return undefined
    return rows.flatMap((row) =>
      row.pos === null ? [] : [{ pos: row.pos, userNid: row.userNid, deviceNid: row.deviceNid }],
    )
  }

  /** Between which positions messages wait for a device; undefined when there are none. */
  async bounds(deviceNid: number): Promise<{ readonly first: number; readonly last: number } | undefined> {
    const rows = await this.#db.read<{ first: number | null; last: number }>(
      'toDevice.bounds',
      'select min(pos) as first, max(pos) as last from to_device where device_nid = $1',
      [deviceNid],
    )
    const [{ first, last }] = rows as [{ first: number | null; last: number }]
    return first === null ? undefined : { first, last }
  }

  /**
   * What waits for a device at positions after one and up to another, in order: at most `limit` messages, and none once
   * those before it have `bytes`.
   */
  async list(
    deviceNid: number,
    range: { readonly after: number; readonly upTo: number; readonly limit: number; readonly bytes: number },
  ): Promise<ToDeviceRow[]> {
    return this.#db.query<ToDeviceRow>(
      'toDevice.list',
      `select pos, sender_nid as "senderNid", type, content
         from (select *, sum(octet_length(content)) over (order by pos) - octet_length(content) as before
                 from (select * from to_device where device_nid = $1 and pos > $2 and pos <= $3
                        order by pos limit $4) first) t
        where before < $5 order by pos`,
      [deviceNid, range.after, range.upTo, range.limit, range.bytes],
    )
  }

  /** Deletes what a device has: everything up to a position. */
  async deleteUpTo(deviceNid: number, pos: number): Promise<void> {
    await this.#db.execute('toDevice.deleteUpTo', 'delete from to_device where device_nid = $1 and pos <= $2', [
      deviceNid,
      pos,
    ])
  }

  /** Where messages were put at positions after one and up to another, in order; at most `limit`. */
  async listByPosition(after: number, upTo: number, limit: number): Promise<ToDeviceEntry[]> {
    return this.#db.read<ToDeviceEntry>(
      'toDevice.listByPosition',
      `select t.pos, d.user_nid as "userNid", t.device_nid as "deviceNid"
         from to_device t join devices d on d.nid = t.device_nid
        where t.pos > $1 and t.pos <= $2 order by t.pos limit $3`,
      [after, upTo, limit],
    )
  }
}
