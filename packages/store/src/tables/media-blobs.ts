import type { Queryable } from '../connection/queryable.ts'

/** The content of files. */
export interface MediaBlob {
  /** SHA-256 of the content. */
  readonly hash: Buffer
  /** In bytes. */
  readonly size: number
  /** What the blob store calls it. */
  readonly location: string
}

/** The contents that the blob store has, by their SHA-256. */
export class MediaBlobs {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** A content, if it is there. */
  async find(hash: Uint8Array): Promise<MediaBlob | undefined> {
    const rows = await this.#db.read<MediaBlob>(
      'mediaBlobs.find',
      'select hash, size, location from media_blobs where hash = $1',
      [hash],
    )
    return rows[0]
  }

  /**
   * Says that the blob store has a content, and where; gives the location that counts, which is another when the content was
   * there already. Until the end of the transaction nobody removes the row.
   */
  async insert({ hash, size, location }: MediaBlob, now: number): Promise<string> {
    const rows = await this.#db.query<{ location: string }>(
      'mediaBlobs.insert',
      `insert into media_blobs (hash, size, location, created_ts) values ($1, $2, $3, $4)
       on conflict (hash) do update set size = excluded.size returning location`,
      [hash, size, location, now],
    )
    return rows[0]!.location
  }

  /** Keeps a content until the end of the transaction; false when it is not there any longer. */
  async hold({ hash, location }: MediaBlob): Promise<boolean> {
    const rows = await this.#db.query(
      'mediaBlobs.hold',
      'select from media_blobs where hash = $1 and location = $2 for key share',
      [hash, location],
    )
    return rows.length === 1
  }

  /** Moves a content from a location, where its bytes were lost; false when it was not there any longer. */
  async move(hash: Uint8Array, from: string, to: string): Promise<boolean> {
    const moved = await this.#db.execute(
      'mediaBlobs.move',
      'update media_blobs set location = $3 where hash = $1 and location = $2',
      [hash, from, to],
    )
    return moved === 1
  }

  /**
   * Removes contents that nothing refers to, at most `limit`, in a transaction; gives where they are. Whoever says
   * meanwhile that one of them is there has to wait, and then adds it anew.
   */
  async deleteUnreferenced(limit: number): Promise<string[]> {
    const locked = await this.#db.query<{ hash: Buffer }>(
      'mediaBlobs.lockUnreferenced',
      `select hash from media_blobs b where ${unreferenced} order by created_ts limit $1 for update skip locked`,
      [limit],
    )
    if (locked.length === 0) return []
    // A statement of its own: it sees what was committed before the rows were locked.
    const rows = await this.#db.query<{ location: string }>(
      'mediaBlobs.deleteUnreferenced',
      `delete from media_blobs b where hash = any ($1) and ${unreferenced} returning location`,
      [locked.map(({ hash }) => hash)],
    )
    return rows.map(({ location }) => location)
  }

  /** Which of these locations hold a content. */
  async knownAmong(locations: readonly string[]): Promise<Set<string>> {
    const rows = await this.#db.query<{ location: string }>(
      'mediaBlobs.knownAmong',
      'select location from media_blobs where location = any ($1)',
      [locations],
    )
    return new Set(rows.map(({ location }) => location))
  }
}

const unreferenced = `not exists (select from media where media.blob_hash = b.hash)
  and not exists (select from media_thumbnails t where t.blob_hash = b.hash)`
