import type { Store } from '@hearth/store'
import type { Change } from '../sync/change.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'

const pageSize = 10_000

/**
 * The users who were erased: read when they are asked for first, and kept up to date by the stream from then on. A user
 * takes some hundred bytes.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate}
 */
export class ErasedUsers {
  readonly #store: Pick<Store, 'erasures' | 'users'>
  readonly #erased = new Set<string>()
  #isComplete = false
  #loading: Promise<void> | undefined

  constructor(deps: { store: Pick<Store, 'erasures' | 'users'>; feed: Pick<StreamFeed, 'listen'> }) {
    this.#store = deps.store
    deps.feed.listen((changes) => this.#follow(changes))
  }

  /** All of them, by their ids. */
  async all(): Promise<ReadonlySet<string>> {
    if (!this.#isComplete) await (this.#loading ??= this.#load().finally(() => (this.#loading = undefined)))
    return this.#erased
  }

  async #load(): Promise<void> {
    const { erasures, users } = this.#store
    let after = 0
    for (;;) {
      const rows = await erasures.listByPosition(after, Number.MAX_SAFE_INTEGER, pageSize)
      const userIds = await users.keysOf(rows.map(({ userNid }) => userNid))
      for (const userId of userIds.values()) this.#erased.add(userId)
      if (rows.length < pageSize) break
      after = rows.at(-1)!.pos
    }
    this.#isComplete = true
  }

  #follow(changes: readonly Change[]): void {
    for (const change of changes) if (change.kind === 'erasure') this.#erased.add(change.userId)
  }
}
