import type { Readable } from 'node:stream'
import { MatrixError } from '@hearth/protocol'
import type { Clock, Logger } from '@hearth/runtime'
import type { MediaBlob, Store, Tables } from '@hearth/store'
import { BlobMissing, type BlobStore, type Content, type Range } from './blob-store.ts'
import type { Spool, SpooledFile } from './spool.ts'

export interface BlobsDeps {
  readonly store: Store
  readonly blobStore: BlobStore
  readonly spool: Spool
  readonly clock: Clock
  readonly logger: Logger
}

/** Writes the rows that refer to a content, in the transaction that makes the content known. May be run again. */
export type Commit<T> = (tx: Tables, content: Content) => Promise<T>

/** The contents of media: each is stored once, and known only when it is whole and safe. */
export class Blobs {
  readonly #deps: BlobsDeps

  constructor(deps: BlobsDeps) {
    this.#deps = deps
  }

  /**
   * Takes bytes in as fast as they can be written, and stores them unless they are there already.
   * @throws MatrixError 413 `M_TOO_LARGE`, 507; what the source or `commit` throws: then nothing is left of them
   */
  async write<T>(
    source: AsyncIterable<Uint8Array>,
    { maxBytes, signal }: { readonly maxBytes: number; readonly signal?: AbortSignal | undefined },
    commit: Commit<T>,
  ): Promise<T> {
    await using file = await this.begin()
    for await (const chunk of source) {
      signal?.throwIfAborted()
      if (file.bytes + chunk.length > maxBytes) throw new MatrixError('M_TOO_LARGE', 'The file is too large')
      await file.write(chunk)
    }
    return await this.keep(file, commit)
  }

  /** Begins a file that arrives in pieces; to be disposed of, also when it was kept. */
  begin(): Promise<SpooledFile> {
    return this.#deps.spool.begin()
  }

  /** Stores a file that has arrived. */
  async keep<T>(file: SpooledFile, commit: Commit<T>): Promise<T> {
    const content = await file.finish()
    const { store, blobStore } = this.#deps
    for (;;) {
      const known = await store.mediaBlobs.find(content.hash)
      if (known === undefined || !(await blobStore.has(known.location)))
        return this.#store(file, content, known, commit)
      const kept = await store.transaction(async (tx) => {
        // It may have been removed meanwhile: then the bytes are to be stored after all.
        if (!(await tx.mediaBlobs.hold(known))) return undefined
        return { value: await commit(tx, content) }
      })
      if (kept !== undefined) return kept.value
    }
  }

  /** Opens a content, or a part of it. @throws BlobMissing, Unavailable */
  async read(hash: Buffer, range?: Range): Promise<Readable> {
    const { store, blobStore, logger } = this.#deps
    const blob = await store.mediaBlobs.find(hash)
    if (blob === undefined) throw new BlobMissing(hash.toString('hex'))
    try {
      return await blobStore.read(blob.location, range)
    } catch (error) {
      if (error instanceof BlobMissing) logger.error('the bytes of a file are lost', { location: blob.location })
      throw error
    }
  }

  /** Puts the bytes in their place. `lost`: what is known of them, although they are not there. */
  async #store<T>({ path }: SpooledFile, content: Content, lost: MediaBlob | undefined, commit: Commit<T>): Promise<T> {
    const { store, blobStore, clock } = this.#deps
    const location = await blobStore.put(path, content)
    try {
      const { value, isOurs } = await store.transaction(async (tx) => {
        const counts = await tx.mediaBlobs.insert({ ...content, location }, clock.now())
        const replaces = counts === lost?.location && (await tx.mediaBlobs.move(content.hash, counts, location))
        return { value: await commit(tx, content), isOurs: counts === location || replaces }
      })
      // Somebody else was faster.
      if (!isOurs) await blobStore.delete(location)
      return value
    } catch (error) {
      // After anything but a refusal the rows may be there all the same; if they are not, the bytes are swept.
      if (error instanceof MatrixError) await blobStore.delete(location)
      throw error
    }
  }
}
