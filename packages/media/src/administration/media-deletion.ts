import { DELETE_MEDIA, type Job, type JobHandler, type JobProgress, type Jobs } from '@hearth/core'
import type { JsonObject } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { MediaCriteria, Store } from '@hearth/store'

const BATCH = 200

export interface MediaDeletionDeps {
  readonly store: Store
  readonly jobs: Jobs
  readonly clock: Clock
}

/**
 * Removes files of many: the rows at once, the bytes with the next sweep. What is too much for a request is a job, whose
 * payload are the criteria; every batch is a step of it.
 */
export class MediaDeletion implements JobHandler {
  readonly kind = DELETE_MEDIA
  readonly #deps: MediaDeletionDeps

  constructor(deps: MediaDeletionDeps) {
    this.#deps = deps
  }

  /** Removes up to `limit` files and leaves the rest to a job of this name. Gives the ids of those that are gone. */
  async delete(name: string, criteria: MediaCriteria, limit: number): Promise<string[]> {
    const { store, jobs, clock } = this.#deps
    const deleted = await store.mediaCensus.delete(criteria, limit)
    if (deleted.length === limit) {
      await store.jobs.add({ kind: DELETE_MEDIA, key: name, payload: payloadOf(criteria), now: clock.now() })
      jobs.wake()
    }
    return deleted
  }

  async run({ payload, signal }: Job, progress: JobProgress): Promise<void> {
    const criteria = payload as MediaCriteria
    // Without a condition, it would be everything.
    if (criteria.userNid === undefined && criteria.serverNid === undefined && criteria.otherThanServerNid === undefined)
      throw new Error('a deletion of files does not say of which')
    let deleted: string[]
    do {
      signal.throwIfAborted()
      deleted = await this.#deps.store.mediaCensus.delete(criteria, BATCH)
      await progress.save({})
    } while (deleted.length > 0)
  }
}

function payloadOf(criteria: MediaCriteria): JsonObject {
  return JSON.parse(JSON.stringify(criteria)) as JsonObject
}
