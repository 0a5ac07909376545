import type { ServerName } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'

/** A key of another server. */
export interface ServerKeyRow {
  readonly keyId: string
  /** In unpadded base64. */
  readonly publicKey: string
  /** Whether requests may be signed with it, not only events. */
  readonly isCurrent: boolean
  /** In milliseconds since 1970. */
  readonly validUntilTs: number
}

/** What a server said of its keys. */
export interface ServerKeyDocument {
  /** As the server signed it. */
  readonly json: string
  readonly validUntilTs: number
  readonly fetchedTs: number
}

/** The keys with which other servers sign. */
export class ServerKeys {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** All keys of each of these servers that has any. */
  async findAll(servers: readonly ServerName[]): Promise<Map<ServerName, ServerKeyRow[]>> {
    const rows = await this.#db.read<ServerKeyRow & { server: ServerName }>(
      'serverKeys.findAll',
      `select server_name as server, key_id as "keyId", public_key as "publicKey", is_current as "isCurrent",
              valid_until_ts as "validUntilTs"
         from server_keys where server_name = any($1)`,
      [servers],
    )
    const found = new Map<ServerName, ServerKeyRow[]>()
    for (const { server, ...row } of rows) {
      const keys = found.get(server)
      if (keys === undefined) found.set(server, [row])
      else keys.push(row)
    }
    return found
  }

  /** What is kept of what these servers said, the newest first. */
  async findDocuments(servers: readonly ServerName[]): Promise<Map<ServerName, ServerKeyDocument[]>> {
    const rows = await this.#db.read<ServerKeyDocument & { server: ServerName }>(
      'serverKeys.findDocuments',
      `select server_name as server, json, valid_until_ts as "validUntilTs", fetched_ts as "fetchedTs"
         from server_key_documents where server_name = any($1) order by fetched_ts desc, nid desc`,
      [servers],
    )
    const found = new Map<ServerName, ServerKeyDocument[]>()
    for (const { server, ...document } of rows) {
      const documents = found.get(server)
      if (documents === undefined) found.set(server, [document])
      else documents.push(document)
    }
    return found
  }

  /**
   * Keeps keys with the document they are from. What the server itself says (`firstHand`) takes the place of what is known,
   * and what it no longer names as current is so no more. What others say adds keys and lengthens their validity, but
   * changes no key. Of more than `maxKeys` keys those that were added last are left out. To be called in a transaction.
   */
  async put(
    server: ServerName,
    document: ServerKeyDocument,
    keys: readonly ServerKeyRow[],
    { firstHand, maxKeys }: { readonly firstHand: boolean; readonly maxKeys: number },
  ): Promise<void> {
    // Two answers of one server are taken one after the other, on any process.
    await this.#db.execute('serverKeys.lock', `select pg_advisory_xact_lock(hashtextextended($1, 20))`, [server])
    await this.#db.execute(
      'serverKeys.put',
      `with document as (
         insert into server_key_documents (server_name, json, valid_until_ts, fetched_ts) values ($1, $2, $3, $4)
         returning nid
       ), given as (
         select * from unnest($5::text[], $6::text[], $7::bool[], $8::bigint[])
                    as g (key_id, public_key, is_current, valid_until_ts)
       ), retired as (
         update server_keys set is_current = false, valid_until_ts = least(valid_until_ts, $4)
          where $9 and server_name = $1 and is_current and key_id <> all($5)
       )
       insert into server_keys (server_name, key_id, public_key, is_current, valid_until_ts, document_nid)
       select $1, g.key_id, g.public_key, g.is_current, g.valid_until_ts, document.nid
         from document, given g left join server_keys k on k.server_name = $1 and k.key_id = g.key_id
        order by (k.key_id is null)
        limit greatest(0, $10 - (select count(*) from server_keys k
                                  where k.server_name = $1 and k.key_id <> all($5)))
       on conflict (server_name, key_id) do update
         set public_key = excluded.public_key, is_current = excluded.is_current,
             valid_until_ts = excluded.valid_until_ts, document_nid = excluded.document_nid
       where $9 or (server_keys.public_key = excluded.public_key
                    and server_keys.valid_until_ts < excluded.valid_until_ts)`,
      [
        server,
        document.json,
        document.validUntilTs,
        document.fetchedTs,
        keys.map(({ keyId }) => keyId),
        keys.map(({ publicKey }) => publicKey),
        keys.map(({ isCurrent }) => isCurrent),
        keys.map(({ validUntilTs }) => validUntilTs),
        firstHand,
        maxKeys,
      ],
    )
    await this.#db.execute(
      'serverKeys.pruneDocuments',
      `delete from server_key_documents d where server_name = $1
          and not exists (select from server_keys k where k.document_nid = d.nid)`,
      [server],
    )
  }

  /** Takes away what servers said before a time, in milliseconds since 1970, of which nothing else is stored. */
  async prune(before: number): Promise<void> {
    await this.#db.execute(
      'serverKeys.prune',
      `with strangers as (
         select nid from server_key_documents d
          where fetched_ts < $1 and not exists (select from servers s where s.name = d.server_name)
       ), keys as (
         delete from server_keys where document_nid in (select nid from strangers)
       )
       delete from server_key_documents where nid in (select nid from strangers)`,
      [before],
    )
  }
}
