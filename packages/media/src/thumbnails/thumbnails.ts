import { MatrixError, type ServerName } from '@hearth/protocol'
import { LruCache, type Clock, type Metrics } from '@hearth/runtime'
import type { Store, ThumbnailRow } from '@hearth/store'
import type { Blobs } from '../blobs/blobs.ts'
import type { FindOptions, MediaFiles } from '../files/media-files.ts'
import type { StoredMedia } from '../files/stored-media.ts'
import type { ThumbnailShape } from '../images/image-task.ts'
import { ImageRefused, type ImageWorkers } from '../images/image-workers.ts'
import { shapeFor } from './thumbnail-sizes.ts'

const PIECE_BYTES = 64 * 1024
const MAX_REFUSED = 10_000
/** How long it is remembered that a file has no thumbnail, in milliseconds: a later release may read it. */
const REFUSED_MS = 60 * 60_000
/** The same where it took too long, which may be the machine's fault. */
const LATE_MS = 60_000

export interface ThumbnailsDeps {
  readonly store: Store
  readonly blobs: Blobs
  readonly mediaFiles: MediaFiles
  readonly imageWorkers: ImageWorkers
  readonly serverName: ServerName
  readonly clock: Clock
  readonly metrics?: Metrics
}

/** What a client wishes. */
export interface WantedThumbnail extends ThumbnailShape {
  readonly serverName: string
  readonly mediaId: string
}

/** A picture made smaller. */
export interface Thumbnail extends ThumbnailRow {
  readonly name: string
}

/** Smaller versions of pictures, made when they are first asked for, once for each content and size. */
export class Thumbnails {
  readonly #deps: ThumbnailsDeps
  readonly #making = new Map<string, Promise<ThumbnailRow>>()
  readonly #refused: LruCache<string, { readonly why: ImageRefused['why']; readonly untilMs: number }>

  constructor(deps: ThumbnailsDeps) {
    this.#deps = deps
    const { metrics } = deps
    this.#refused = new LruCache({ name: 'refused_images', maxEntries: MAX_REFUSED, ...(metrics && { metrics }) })
  }

  /**
   * The thumbnail of a file that is the next larger one to what is wished, never larger than the file.
   * @throws MatrixError 400 `M_UNKNOWN` for what is no picture, 413 `M_TOO_LARGE`, which is 502 for those of other servers,
   *   and as `MediaFiles.find`; Unavailable
   */
  async of(wanted: WantedThumbnail, options: FindOptions): Promise<Thumbnail> {
    const media = await this.#deps.mediaFiles.find(wanted, options)
    const shape = shapeFor(wanted)
    try {
      const made = await this.#made(media, shape)
      return { ...made, name: `thumbnail.${made.contentType.slice('image/'.length)}` }
    } catch (error) {
      throw error instanceof ImageRefused ? this.#refusal(error, media) : error
    }
  }

  async #made(media: StoredMedia, shape: ThumbnailShape): Promise<ThumbnailRow> {
    const { store, clock } = this.#deps
    const source = media.hash.toString('base64url')
    const known = await store.mediaThumbnails.find({ sourceHash: media.hash, ...shape })
    if (known !== undefined) return known
    const refused = this.#refused.get(source)
    if (refused !== undefined && refused.untilMs > clock.monotonic()) throw new ImageRefused(refused.why)
    const key = `${source} ${shape.width}x${shape.height} ${shape.method} ${shape.animated}`
    const making = this.#making.get(key) ?? this.#make(media, shape).finally(() => this.#making.delete(key))
    this.#making.set(key, making)
    try {
      return await making
    } catch (error) {
      if (error instanceof ImageRefused) {
        const forMs = error.isLate ? LATE_MS : REFUSED_MS
        this.#refused.set(source, { why: error.why, untilMs: clock.monotonic() + forMs })
      }
      throw error
    }
  }

  async #make({ hash: sourceHash, size }: StoredMedia, shape: ThumbnailShape): Promise<ThumbnailRow> {
    const { blobs, imageWorkers, clock } = this.#deps
    const source = { size, read: () => blobs.read(sourceHash) }
    const { facts, data } = await imageWorkers.thumbnail(source, shape)
    const { contentType } = facts
    return blobs.write(inPieces(data), { maxBytes: data.length }, async (tx, { hash }) => {
      await tx.mediaThumbnails.insert({ sourceHash, ...shape }, { hash, contentType }, clock.now())
      return { hash, size: data.length, contentType }
    })
  }

  /** {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediathumbnailservernamemediaid} */
  #refusal(cause: ImageRefused, media: StoredMedia): MatrixError {
    if (cause.why === 'unknown') {
      return new MatrixError('M_UNKNOWN', 'There can be no thumbnail of this file', { status: 400, cause })
    }
    const status = media.serverName === this.#deps.serverName ? 413 : 502
    return new MatrixError('M_TOO_LARGE', 'The file is too large for a thumbnail', { status, cause })
  }
}

/** Pieces that are hashed one at a time: a large animation would keep others waiting. */
async function* inPieces(data: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += PIECE_BYTES) yield data.subarray(at, at + PIECE_BYTES)
}
