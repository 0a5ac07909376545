import type { Clock } from '@hearth/runtime'
import type { ThisProcess } from '../processes/this-process.ts'
import type { StreamFeed } from './stream-feed.ts'

interface UpToDateDeps {
  readonly feed: Pick<StreamFeed, 'hint' | 'reached'>
  readonly process: Pick<ThisProcess, 'isAlone'>
  /** The stream's head in the database. */
  readonly readHead: () => Promise<number>
  readonly clock: Pick<Clock, 'sleep'>
}

const waitMs = 1_000
/** What has been committed is on its way here, told by those who did it; to read it as well would be work for nothing. */
const tellMs = 5

/**
 * Has this process come to where the stream is, for whoever asks: what was acknowledged by another process before is known
 * here then, so that one client may talk to any of them. Those who ask while the database is being asked share the next
 * look at it, and where there is no other process nobody looks.
 */
export class UpToDate {
  readonly #deps: UpToDateDeps
  #looking: Promise<number | undefined> | undefined
  #next: Promise<number | undefined> | undefined

  constructor(deps: UpToDateDeps) {
    this.#deps = deps
  }

  /** Resolves when everything is known here that was committed before the call, or a second or two are over. */
  async now(): Promise<void> {
    const { feed, process } = this.#deps
    if (process.isAlone) return
    // A look that has begun already may be older than the call.
    const head = await (this.#looking ? (this.#next ??= this.#looking.then(() => this.#look())) : this.#look())
    if (head === undefined) return
    feed.hint(head, tellMs)
    await feed.reached(head, waitMs)
  }

  #look(): Promise<number | undefined> {
    this.#next = undefined
    const { readHead, clock } = this.#deps
    const over = new AbortController()
    const looking = Promise.race([readHead(), clock.sleep(waitMs, over.signal).then(() => undefined)])
      // Whoever asked needs the database, and will find out.
      .catch(() => undefined)
      .finally(() => {
        over.abort()
        if (this.#looking === looking) this.#looking = undefined
      })
    return (this.#looking = looking)
  }
}
