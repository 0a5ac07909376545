import type { Queryable } from '../connection/queryable.ts'

/** A file by its mxc URI. */
export interface MediaRow {
  readonly nid: number
  readonly serverNid: number
  readonly mediaId: string
  /** Who has sent it; null for files of other servers and those that this one has made. */
  readonly userNid: number | null
  /** SHA-256 of the content; null as long as the id is only reserved. */
  readonly hash: Buffer | null
  /** In bytes; null as long as the id is only reserved. */
  readonly size: number | null
  readonly contentType: string
  readonly name: string | null
  readonly createdTs: number
  readonly lastAccessTs: number
  /** Until when a reserved id may be used; null when it was. */
  readonly expiresTs: number | null
  /** Whether it came after access without authentication was frozen. */
  readonly frozen: boolean
  readonly quarantined: boolean
}

/** A file to be added, whose content is there. */
export interface NewMedia {
  readonly serverNid: number
  readonly mediaId: string
  readonly userNid: number | null
  readonly hash: Uint8Array
  readonly contentType: string
  readonly name: string | null
  readonly frozen: boolean
  /** Milliseconds since the epoch. */
  readonly now: number
}

const columns = `media.nid, server_nid as "serverNid", media_id as "mediaId", user_nid as "userNid", blob_hash as hash, size,
  content_type as "contentType", upload_name as name, media.created_ts as "createdTs", last_access_ts as "lastAccessTs",
  expires_ts as "expiresTs", frozen, quarantined_by is not null as quarantined`

/** Who has quarantined what has this content. */
const quarantine = (hash: string): string =>
  `(select quarantined_by from media q where q.blob_hash = ${hash} and quarantined_by is not null limit 1)`

/** Files by their mxc URIs, of this server and of others. */
export class Media {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  async find(serverNid: number, mediaId: string): Promise<MediaRow | undefined> {
    const rows = await this.#db.read<MediaRow>(
      'media.find',
      `select ${columns} from media left join media_blobs on hash = blob_hash where server_nid = $1 and media_id = $2`,
      [serverNid, mediaId],
    )
    return rows[0]
  }

  /**
   * Adds a file; false when there is one of that URI. One whose content is quarantined is so from the beginning. To be
   * called in the transaction that has said that the content is there.
   */
  async insert(media: NewMedia): Promise<boolean> {
    const inserted = await this.#db.execute(
      'media.insert',
      `insert into media (server_nid, media_id, user_nid, blob_hash, content_type, upload_name, frozen, created_ts,
         last_access_ts, quarantined_by, quarantined_ts)
       select $1, $2, $3, $4, $5, $6, $7, $8, $8, by, case when by is not null then $8::bigint end
       from (select ${quarantine('$4')} as by) q on conflict on constraint media_uri do nothing`,
      [
        media.serverNid,
        media.mediaId,
        media.userNid,
        media.hash,
        media.contentType,
        media.name,
        media.frozen,
        media.now,
      ],
    )
    return inserted === 1
  }

  /**
   * Reserves an id for a user until `expiresTs`, unless the user has as many reserved as allowed: tells whether. Requests
   * at the same time may exceed the limit by as many.
   */
  async reserve(
    { serverNid, mediaId, userNid }: { serverNid: number; mediaId: string; userNid: number },
    { now, expiresTs, limit }: { now: number; expiresTs: number; limit: number },
  ): Promise<boolean> {
    const inserted = await this.#db.execute(
      'media.reserve',
      `insert into media (server_nid, media_id, user_nid, content_type, frozen, created_ts, last_access_ts, expires_ts)
       select $1, $2, $3, '', true, $4, $4, $5
       where (select count(*) from media where user_nid = $3 and blob_hash is null and expires_ts > $4) < $6`,
      [serverNid, mediaId, userNid, now, expiresTs, limit],
    )
    return inserted === 1
  }

  /** When the first of a user's reservations ends. */
  async firstExpiry(userNid: number, now: number): Promise<number | undefined> {
    const rows = await this.#db.query<{ ts: number | null }>(
      'media.firstExpiry',
      'select min(expires_ts) as ts from media where user_nid = $1 and blob_hash is null and expires_ts > $2',
      [userNid, now],
    )
    return rows[0]?.ts ?? undefined
  }

  /** Gives a reserved id its content, as `insert` does; false when it is not reserved any longer. */
  async fill(nid: number, media: Omit<NewMedia, 'serverNid' | 'mediaId' | 'userNid'>): Promise<boolean> {
    const filled = await this.#db.execute(
      'media.fill',
      `update media set blob_hash = $2, content_type = $3, upload_name = $4, frozen = $5, created_ts = $6,
         last_access_ts = $6, expires_ts = null, quarantined_by = ${quarantine('$2')},
         quarantined_ts = case when ${quarantine('$2')} is not null then $6::bigint end
       where nid = $1 and blob_hash is null and expires_ts > $6`,
      [nid, media.hash, media.contentType, media.name, media.frozen, media.now],
    )
    return filled === 1
  }

  /** Removes files. Their contents go when nothing else refers to them. */
  async delete(nids: readonly number[]): Promise<void> {
    await this.#db.execute('media.delete', 'delete from media where nid = any ($1)', [nids])
  }

  /** Says that files were asked for. */
  async touch(nids: readonly number[], now: number): Promise<void> {
    await this.#db.execute(
      'media.touch',
      'update media set last_access_ts = $2 where nid = any ($1) and last_access_ts < $2',
      [nids, now],
    )
  }

  /** Removes reservations that were not used in time; gives how many. */
  async deleteExpired(now: number): Promise<number> {
    return this.#db.execute('media.deleteExpired', 'delete from media where blob_hash is null and expires_ts <= $1', [
      now,
    ])
  }
}
