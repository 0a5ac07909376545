import type { StreamFeed } from './stream-feed.ts'

const waitMs = 1_000

/**
 * Has this process come to where the stream is, for whoever asks: what was acknowledged by another process before is known
 * here then, so that one client may talk to any of them. Those who ask while the database is being asked share the next
 * look at it.
 */
export class UpToDate {
  readonly #feed: Pick<StreamFeed, 'hint' | 'reached'>
  readonly #readHead: () => Promise<number>
  #looking: Promise<number | undefined> | undefined
  #next: Promise<number | undefined> | undefined

  constructor(deps: { feed: Pick<StreamFeed, 'hint' | 'reached'>; readHead: () => Promise<number> }) {
    this.#feed = deps.feed
    this.#readHead = deps.readHead
  }

  /** Resolves when everything is known here that was committed before the call, or a second is over. */
  async now(): Promise<void> {
    // A look that has begun already may be older than the call.
    const head = await (this.#looking ? (this.#next ??= this.#looking.then(() => this.#look())) : this.#look())
    if (head === undefined) return
    this.#feed.hint(head, 0)
    await this.#feed.reached(head, waitMs)
  }

  #look(): Promise<number | undefined> {
    this.#next = undefined
    const looking = this.#readHead()
      // Whoever asked needs the database, and will find out.
      .catch(() => undefined)
      .finally(() => {
        if (this.#looking === looking) this.#looking = undefined
      })
    return (this.#looking = looking)
  }
}
