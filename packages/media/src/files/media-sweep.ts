import type { Job, JobHandler, JobProgress } from '@hearth/core'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { RemoteCache } from '../quotas/remote-cache.ts'
import type { Spool } from '../blobs/spool.ts'

const KIND = 'media-sweep'
const EVERY_MS = 60 * 60_000
/** What was begun so long ago and has no row will get none: no upload goes on for so long without a byte. */
const LEFTOVER_MS = 60 * 60_000
const BATCH = 200

export interface MediaSweepDeps {
  readonly store: Store
  readonly blobStore: BlobStore
  readonly spool: Spool
  readonly remoteCache: RemoteCache
  readonly clock: Clock
}

/**
 * Removes, every hour, what nothing refers to: ids that were reserved and not used,
 * previews of web pages that have expired with their pictures,
 * files of other servers that are too old or too many, contents whose files are gone, and
 * bytes that a process has left which died before it could say that they are there.
 */
export class MediaSweep implements JobHandler {
  readonly kind = KIND
  readonly #deps: MediaSweepDeps

  constructor(deps: MediaSweepDeps) {
    this.#deps = deps
  }

  /** Sees to it that there is a sweep within the hour, and on from there. */
  async begin(): Promise<void> {
    const { store, clock } = this.#deps
    const now = clock.now()
    await store.jobs.addUnlessAsked({ kind: KIND, key: 'all', payload: {}, now, runAfterTs: now + EVERY_MS })
  }

  /** Asks for a sweep right now. */
  async ask(): Promise<void> {
    const { store, clock } = this.#deps
    await store.jobs.add({ kind: KIND, key: 'all', payload: {}, now: clock.now() })
  }

  async run({ signal }: Job, progress: JobProgress): Promise<void> {
    const { store, spool, remoteCache, clock } = this.#deps
    const now = clock.now()
    await store.media.deleteExpired(now)
    while ((await store.urlPreviews.deleteExpired(now, BATCH)) > 0) await progress.save({})
    await remoteCache.prune(progress)
    await this.#removeUnreferenced(progress)
    await this.#removeUnknown(now - LEFTOVER_MS, progress)
    await spool.sweep(now - LEFTOVER_MS)
    signal.throwIfAborted()
    await store.jobs.add({ kind: KIND, key: 'all', payload: {}, now, runAfterTs: now + EVERY_MS })
  }

  async #removeUnreferenced(progress: JobProgress): Promise<void> {
    const { store, blobStore } = this.#deps
    for (;;) {
      const locations = await store.transaction((tx) => tx.mediaBlobs.deleteUnreferenced(BATCH))
      for (const location of locations) await blobStore.delete(location)
      if (locations.length === 0) return
      await progress.save({})
    }
  }

  /** Removes bytes without a row. */
  async #removeUnknown(beforeTs: number, progress: JobProgress): Promise<void> {
    const { store, blobStore } = this.#deps
    let batch: string[] = []
    const removeBatch = async (): Promise<void> => {
      const known = await store.mediaBlobs.knownAmong(batch)
      for (const location of batch) if (!known.has(location)) await blobStore.delete(location)
      batch = []
      await progress.save({})
    }
    for await (const location of blobStore.list(beforeTs)) if (batch.push(location) === BATCH) await removeBatch()
    if (batch.length > 0) await removeBatch()
  }
}
