import type { Queryable } from '../connection/queryable.ts'

/** Which smaller version of a picture. */
export interface ThumbnailKey {
  /** SHA-256 of the content of the picture. */
  readonly sourceHash: Uint8Array
  readonly width: number
  readonly height: number
  readonly method: string
  readonly animated: boolean
}

/** A smaller version of a picture. */
export interface ThumbnailRow {
  /** SHA-256 of its content. */
  readonly hash: Buffer
  /** In bytes. */
  readonly size: number
  readonly contentType: string
}

/** Smaller versions of pictures, by the content that they are made of. */
export class MediaThumbnails {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  async find({ sourceHash, width, height, method, animated }: ThumbnailKey): Promise<ThumbnailRow | undefined> {
    const rows = await this.#db.read<ThumbnailRow>(
      'mediaThumbnails.find',
      `select blob_hash as hash, size, content_type as "contentType"
         from media_thumbnails join media_blobs on hash = blob_hash
        where source_hash = $1 and width = $2 and height = $3 and method = $4 and animated = $5`,
      [sourceHash, width, height, method, animated],
    )
    return rows[0]
  }

  /**
   * Adds one, whose content is there, unless another was faster or the picture has gone. To be called in the transaction
   * that has said that the content is there.
   */
  async insert(key: ThumbnailKey, made: { hash: Uint8Array; contentType: string }, now: number): Promise<void> {
    await this.#db.execute(
      'mediaThumbnails.insert',
      `insert into media_thumbnails (source_hash, width, height, method, animated, content_type, blob_hash, created_ts,
         last_access_ts)
       select $1, $2, $3, $4, $5, $6, $7, $8, $8 from media_blobs where hash = $1 for share on conflict do nothing`,
      [key.sourceHash, key.width, key.height, key.method, key.animated, made.contentType, made.hash, now],
    )
  }
}
