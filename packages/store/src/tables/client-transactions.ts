import { hash } from 'node:crypto'
import type { Queryable } from '../connection/queryable.ts'
import { eventIdOf } from './event-id-bytes.ts'
import type { ClientTransaction } from '../persister/room-commit.ts'
import type { EventId } from '@hearth/protocol'

/** The event that a client's transaction made. */
export interface FoundTransaction {
  readonly nid: number
  readonly eventId: EventId
}

/** The digest that a transaction is found by: its id may be as long as a path, an index entry may not. 16 bytes. */
export function transactionKey({ scope, txnId }: ClientTransaction): Buffer {
  return hash('sha256', Buffer.concat([scope, Buffer.from(txnId)]), 'buffer').subarray(0, 16)
}

/**
 * Which client transaction made which event, written in the event's own transaction: a repeated request finds the first
 * event, after a crash and from another process too. Rows go with their device (a trigger), their room, and with age.
 *
 * @see https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
 */
export class ClientTransactions {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** The event that this transaction made, if it was used before. */
  async find(txn: ClientTransaction): Promise<FoundTransaction | undefined> {
    const [row] = await this.#db.read<{ nid: number; event_id: Buffer; flags: number }>(
      'clientTransactions.find',
      `select t.nid, e.event_id, e.flags from client_txn t join events e on e.nid = t.nid
        where t.device_nid = $1 and t.key = $2`,
      [txn.deviceNid, transactionKey(txn).toString('hex')],
    )
    return row === undefined ? undefined : { nid: row.nid, eventId: eventIdOf(row.event_id, row.flags) }
  }

  /** The transaction ids of a device's own events among `nids`, by nid: for `unsigned.transaction_id`. */
  async findIds(deviceNid: number, nids: readonly number[]): Promise<Map<number, string>> {
    if (nids.length === 0) return new Map()
    const rows = await this.#db.read<{ nid: number; txn_id: string }>(
      'clientTransactions.findIds',
      'select nid, txn_id from client_txn where nid = any($1) and device_nid = $2',
      [nids, deviceNid],
    )
    return new Map(rows.map((row) => [row.nid, row.txn_id]))
  }

  /**
   * Deletes up to `limit` transactions of events from before `ts` (milliseconds), oldest first, and resolves to their
   * number. A client repeats a request within minutes or never.
   */
  async deleteOlderThan(ts: number, limit: number): Promise<number> {
    return this.#db.execute(
      'clientTransactions.deleteOlderThan',
      `delete from client_txn where nid in (
         select nid from (select t.nid, e.ts from client_txn t join events e on e.nid = t.nid order by t.nid limit $2) oldest
          where ts < $1)`,
      [ts, limit],
    )
  }
}
