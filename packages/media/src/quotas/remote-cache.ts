import type { JobProgress } from '@hearth/core'
import type { ServerName } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'

const BATCH = 200
/** For how long one is kept that nobody asks for, in milliseconds. */
const MAX_UNUSED_MS = 90 * 24 * 60 * 60_000

export interface RemoteCacheDeps {
  readonly store: Store
  readonly serverName: ServerName
  /** What files of other servers may take together, in bytes. */
  readonly maxBytes: number
  readonly clock: Clock
}

/** Keeps files of other servers from becoming too many: those that were not asked for in the longest time go. */
export class RemoteCache {
  readonly #deps: RemoteCacheDeps

  constructor(deps: RemoteCacheDeps) {
    this.#deps = deps
  }

  /** Removes what is too old, and then what is too much. */
  async prune(progress: JobProgress): Promise<void> {
    const { store, serverName, maxBytes, clock } = this.#deps
    const otherThanServerNid = await store.servers.intern(serverName)
    const kept = { otherThanServerNid, unlessKept: true }
    const unusedSinceTs = clock.now() - MAX_UNUSED_MS
    let removed: string[]
    do {
      removed = await store.mediaCensus.delete({ ...kept, unusedSinceTs }, BATCH)
      await progress.save({})
    } while (removed.length > 0)
    while ((await store.mediaCensus.sizeOfRemote(otherThanServerNid)) > maxBytes) {
      removed = await store.mediaCensus.delete(kept, BATCH)
      await progress.save({})
      // What is left is kept for a reason.
      if (removed.length === 0) return
    }
  }
}
