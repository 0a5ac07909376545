import type { JsonObject } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'

export interface FlowSessionRow {
  readonly idHash: Uint8Array
  readonly purpose: string
  /** A digest of the request that it is bound to. */
  readonly binding: Uint8Array | null
  /** What that request asks for. */
  readonly request: JsonObject | null
  readonly proofs: Readonly<Record<string, JsonObject>>
  readonly states: Readonly<Record<string, JsonObject>>
  /** What has come of it, since its flow was completed. */
  readonly outcome: JsonObject | null
  readonly expiresTs: number
}

/** Registrations and log-ins that take several requests, and nonces: whichever process gets the next request knows them. */
export class FlowSessions {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Adds a session, and removes those that have expired. */
  async insert(session: Omit<FlowSessionRow, 'outcome'>, now: number): Promise<void> {
    await this.#db.execute(
      'flowSessions.insert',
      `with expired as (delete from flow_sessions where expires_ts <= $8)
       insert into flow_sessions (id_hash, purpose, binding, request, proofs, states, expires_ts)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [
        session.idHash,
        session.purpose,
        session.binding,
        session.request && JSON.stringify(session.request),
        JSON.stringify(session.proofs),
        JSON.stringify(session.states),
        session.expiresTs,
        now,
      ],
    )
  }

  async find(idHash: Uint8Array, purpose: string, now: number): Promise<FlowSessionRow | undefined> {
    const rows = await this.#db.read<FlowSessionRow>(
      'flowSessions.find',
      `select id_hash as "idHash", purpose, binding, request, proofs, states, outcome, expires_ts as "expiresTs"
       from flow_sessions where id_hash = $1 and purpose = $2 and expires_ts > $3`,
      [idHash, purpose, now],
    )
    return rows[0]
  }

  /** What a session is for, whatever that is; undefined when its flow has been completed. */
  async purposeOf(idHash: Uint8Array, now: number): Promise<string | undefined> {
    const rows = await this.#db.read<{ purpose: string }>(
      'flowSessions.purposeOf',
      `select purpose from flow_sessions where id_hash = $1 and expires_ts > $2 and outcome is null`,
      [idHash, now],
    )
    return rows[0]?.purpose
  }

  /** Binds a session to a request unless it is bound already; resolves to what it is bound to. */
  async bind(
    idHash: Uint8Array,
    binding: Uint8Array,
    request: JsonObject,
  ): Promise<{ readonly binding: Uint8Array; readonly request: JsonObject | null } | undefined> {
    const rows = await this.#db.query<{ binding: Uint8Array; request: JsonObject | null }>(
      'flowSessions.bind',
      `update flow_sessions
       set binding = coalesce(binding, $2), request = case when binding is null then $3::jsonb else request end
       where id_hash = $1 returning binding, request`,
      [idHash, binding, JSON.stringify(request)],
    )
    return rows[0]
  }

  /**
   * Adds proofs and states to those that are there, which another request may have added to meanwhile. Undefined when
   * there is no such session, or its flow has been completed.
   */
  async merge(
    idHash: Uint8Array,
    added: { readonly proofs?: FlowSessionRow['proofs']; readonly states?: FlowSessionRow['states'] },
    expiresTs: number,
  ): Promise<FlowSessionRow['proofs'] | undefined> {
    const rows = await this.#db.query<{ proofs: FlowSessionRow['proofs'] }>(
      'flowSessions.merge',
      `update flow_sessions set proofs = proofs || $2::jsonb, states = states || $3::jsonb, expires_ts = $4
       where id_hash = $1 and outcome is null returning proofs`,
      [idHash, JSON.stringify(added.proofs ?? {}), JSON.stringify(added.states ?? {}), expiresTs],
    )
    return rows[0]?.proofs
  }

  /**
   * Keeps others from completing a session until the transaction ends; false when one already has. `complete` is to follow
   * in the same transaction.
   */
  async claim(idHash: Uint8Array, purpose: string, now: number): Promise<boolean> {
    const rows = await this.#db.query(
      'flowSessions.claim',
      `select from flow_sessions where id_hash = $1 and purpose = $2 and expires_ts > $3 and outcome is null for update`,
      [idHash, purpose, now],
    )
    return rows.length === 1
  }

  /** Notes what has come of a session, and forgets what has led there. */
  async complete(idHash: Uint8Array, outcome: JsonObject, expiresTs: number): Promise<void> {
    await this.#db.execute(
      'flowSessions.complete',
      `update flow_sessions set outcome = $2, request = null, proofs = '{}', states = '{}', expires_ts = $3
       where id_hash = $1`,
      [idHash, JSON.stringify(outcome), expiresTs],
    )
  }

  /** Ends a session; of several that try, one learns that it did. */
  async delete(idHash: Uint8Array, purpose: string, now: number): Promise<boolean> {
    const deleted = await this.#db.execute(
      'flowSessions.delete',
      `delete from flow_sessions where id_hash = $1 and purpose = $2 and expires_ts > $3`,
      [idHash, purpose, now],
    )
    return deleted === 1
  }

  /** Removes all but the `keep` sessions that would expire last. */
  async deleteOldest(keep: number): Promise<number> {
    return this.#db.execute(
      'flowSessions.deleteOldest',
      `delete from flow_sessions where id_hash in
         (select id_hash from flow_sessions order by expires_ts desc, id_hash offset $1)`,
      [keep],
    )
  }
}
