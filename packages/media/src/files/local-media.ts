import type { ServerName } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store, Tables } from '@hearth/store'
import { fileNameOf } from '../answers/content-disposition.ts'
import { contentTypeOf } from '../answers/content-type.ts'
import type { Content } from '../blobs/blob-store.ts'
import type { Blobs } from '../blobs/blobs.ts'
import { newMediaId } from '../media-id.ts'
import type { StoredMedia } from './stored-media.ts'

export interface LocalMediaDeps {
  readonly store: Store
  readonly blobs: Blobs
  readonly serverName: ServerName
  readonly maxBytes: number
  /** Whether what comes now is for those only who say who they are. */
  readonly frozen: boolean
  readonly clock: Clock
}

/** A file that becomes one of this server's. */
export interface NewLocalMedia {
  /** Who sends it; null when the server itself makes it. */
  readonly userNid: number | null
  /** As it was named, by whomever. */
  readonly contentType: string | undefined
  readonly name: string | undefined
  /** In bytes; the limit of uploads when absent. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
  /** Runs in the transaction that makes the file known, before it is: for quotas. A MatrixError that it throws undoes all. */
  readonly admit?: (tx: Tables, content: Content) => Promise<void>
}

/** Makes files of this server. */
export class LocalMedia {
  readonly #deps: LocalMediaDeps

  constructor(deps: LocalMediaDeps) {
    this.#deps = deps
  }

  /**
   * Stores bytes as a file, as they come, under a new id.
   * @throws MatrixError 413 `M_TOO_LARGE`, 507; what the source throws: then nothing is left of it
   */
  async create(source: AsyncIterable<Uint8Array>, file: NewLocalMedia): Promise<StoredMedia> {
    const { store, blobs, serverName, frozen, clock } = this.#deps
    const serverNid = await store.servers.intern(serverName)
    const mediaId = newMediaId()
    const { userNid, signal } = file
    const contentType = contentTypeOf(file.contentType)
    const name = fileNameOf(file.name)
    const content = await blobs.write(
      source,
      { maxBytes: file.maxBytes ?? this.#deps.maxBytes, signal },
      async (tx, content) => {
        await file.admit?.(tx, content)
        const facts = { contentType, name: name ?? null, frozen, now: clock.now() }
        const isNew = await tx.media.insert({ serverNid, mediaId, userNid, hash: content.hash, ...facts })
        if (!isNew) throw new Error('a media id was given out twice')
        return content
      },
    )
    const row = (await store.media.find(serverNid, mediaId))!
    return { nid: row.nid, serverName, mediaId, ...content, contentType, name, frozen }
  }
}
