import { forbidden, limitExceeded, MatrixError, notFound, type ServerName } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { MediaRow, Store, Tables } from '@hearth/store'
import { fileNameOf } from '../answers/content-disposition.ts'
import { contentTypeOf } from '../answers/content-type.ts'
import type { Content } from '../blobs/blob-store.ts'
import type { Blobs } from '../blobs/blobs.ts'
import type { LocalMedia } from '../files/local-media.ts'
import type { StoredMedia } from '../files/stored-media.ts'
import { mxcOf, newMediaId, type Mxc } from '../media-id.ts'
import type { UploadQuota } from '../quotas/upload-quota.ts'
import type { PendingUploads } from './pending-uploads.ts'

/** How long an id is kept for a file that is still to come, in milliseconds. */
const RESERVED_MS = 24 * 60 * 60_000
/** How many ids a user may have for files that are still to come. */
const MAX_RESERVED = 50

export interface MediaUploadsDeps {
  readonly store: Store
  readonly blobs: Blobs
  readonly localMedia: LocalMedia
  readonly pending: PendingUploads
  readonly quota: UploadQuota
  readonly serverName: ServerName
  readonly maxBytes: number
  readonly frozen: boolean
  readonly clock: Clock
}

/** Who sends. */
export interface Uploader {
  readonly userNid: number
}

/** A file that a client sends: no more of it is taken than is asked for. */
export interface Upload {
  readonly contentType: string | undefined
  readonly name: string | undefined
  read(maxBytes: number): AsyncIterable<Uint8Array>
}

/** A reserved id, and until when a file may be sent to it, in milliseconds since the epoch. */
export interface Reservation extends Mxc {
  readonly expiresTs: number
}

/** Files that users send, at once or to an id that they have got before. */
export class MediaUploads {
  readonly #deps: MediaUploadsDeps

  constructor(deps: MediaUploadsDeps) {
    this.#deps = deps
  }

  /**
   * Takes a file.
   * @throws MatrixError 413 `M_TOO_LARGE`, 507, as `UploadQuota.take`; what reading throws
   */
  async upload({ userNid }: Uploader, file: Upload): Promise<StoredMedia> {
    const { localMedia, quota, maxBytes } = this.#deps
    await quota.check(userNid)
    const admit = (tx: Tables, { size }: Content): Promise<void> => quota.take(tx, userNid, size)
    return localMedia.create(file.read(maxBytes), { userNid, contentType: file.contentType, name: file.name, admit })
  }

  /**
   * Gives an id for a file that is still to come.
   * @throws MatrixError 429 `M_LIMIT_EXCEEDED` for a user who has too many
   */
  async reserve({ userNid }: Uploader): Promise<Reservation> {
    const { store, serverName, clock } = this.#deps
    const now = clock.now()
    const expiresTs = now + RESERVED_MS
    const mediaId = newMediaId()
    const serverNid = await store.servers.intern(serverName)
    const limits = { now, expiresTs, limit: MAX_RESERVED }
    if (await store.media.reserve({ serverNid, mediaId, userNid }, limits)) return { serverName, mediaId, expiresTs }
    throw limitExceeded(Math.max(1_000, ((await store.media.firstExpiry(userNid, now)) ?? now) - now))
  }

  /**
   * Takes the file of an id.
   * @throws MatrixError 404 when there is no such id, or no longer, 403 when it is another's, 409
   *   `M_CANNOT_OVERWRITE_MEDIA`, and as `upload`
   */
  async fill({ userNid }: Uploader, serverName: string, mediaId: string, file: Upload): Promise<void> {
    const { blobs, pending, quota, maxBytes, frozen, clock } = this.#deps
    const row = await this.#reserved(userNid, serverName, mediaId)
    await quota.check(userNid)
    const contentType = contentTypeOf(file.contentType)
    const name = fileNameOf(file.name) ?? null
    await blobs.write(file.read(maxBytes), { maxBytes }, async (tx: Tables, { hash, size }: Content) => {
      await quota.take(tx, userNid, size)
      if (!(await tx.media.fill(row.nid, { hash, contentType, name, frozen, now: clock.now() }))) throw overwritten()
    })
    pending.filled(mediaId)
  }

  async #reserved(userNid: number, serverName: string, mediaId: string): Promise<MediaRow> {
    const { store, serverName: own, clock } = this.#deps
    const mxc = mxcOf(serverName, mediaId)
    const serverNid = mxc?.serverName === own ? await store.servers.find(own) : undefined
    const row = serverNid === undefined ? undefined : await store.media.find(serverNid, mediaId)
    if (row === undefined) throw notFound('There is no such media id')
    if (row.userNid !== userNid) throw forbidden('The media id is another user’s')
    if (row.hash !== null) throw overwritten()
    if ((row.expiresTs ?? 0) <= clock.now()) throw notFound('The media id has expired')
    return row
  }
}

function overwritten(): MatrixError {
  return new MatrixError('M_CANNOT_OVERWRITE_MEDIA', 'There is a file at this media id already')
}
