import type { Queryable } from '../connection/queryable.ts'

/** What is known of a web page. */
export interface UrlPreviewRow {
  /** 200, or the status with which requests for it are refused. */
  readonly status: number
  /** JSON: the preview, or the refusal's text. */
  readonly preview: string
  /** Milliseconds since the epoch. */
  readonly expiresTs: number
}

export interface NewUrlPreview extends UrlPreviewRow {
  /** SHA-256 of the address. */
  readonly urlHash: Uint8Array
  readonly url: string
  readonly fetchedTs: number
  readonly imageNid: number | null
}

/** Previews of web pages, until they expire. */
export class UrlPreviews {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** What is known of a page, unless it has expired. */
  async find(urlHash: Uint8Array, now: number): Promise<UrlPreviewRow | undefined> {
    const rows = await this.#db.read<UrlPreviewRow>(
      'urlPreviews.find',
      `select status, preview, expires_ts as "expiresTs" from url_previews where url_hash = $1 and expires_ts > $2`,
      [urlHash, now],
    )
    return rows[0]
  }

  /** Keeps a preview in place of an earlier one, whose picture goes. To be called in a transaction. */
  async put(preview: NewUrlPreview): Promise<void> {
    const { urlHash, url, fetchedTs, expiresTs, status, imageNid } = preview
    await this.#db.execute(
      'urlPreviews.dropImage',
      `delete from media using url_previews where url_hash = $1 and media.nid = image_nid
          and quarantined_by is null and not protected`,
      [urlHash],
    )
    await this.#db.execute(
      'urlPreviews.put',
      `insert into url_previews (url_hash, url, fetched_ts, expires_ts, status, preview, image_nid)
       values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (url_hash) do update set fetched_ts = excluded.fetched_ts, expires_ts = excluded.expires_ts,
         status = excluded.status, preview = excluded.preview, image_nid = excluded.image_nid`,
      [urlHash, url, fetchedTs, expiresTs, status, preview.preview, imageNid],
    )
  }

  /** Removes what has expired, with the pictures; at most `limit`. Gives how many. */
  async deleteExpired(now: number, limit: number): Promise<number> {
    const rows = await this.#db.query<{ count: number }>(
      'urlPreviews.deleteExpired',
      `with gone as (
         delete from url_previews where url_hash in
           (select url_hash from url_previews where expires_ts <= $1 order by expires_ts limit $2)
         returning image_nid
       ), images as (
         delete from media where nid in (select image_nid from gone) and quarantined_by is null and not protected
       )
       select count(*) as count from gone`,
      [now, limit],
    )
    return rows[0]!.count
  }
}
