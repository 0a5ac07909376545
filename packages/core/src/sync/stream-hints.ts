import type { Bus } from '@hearth/queues'
import type { StreamConsumers, StoredChange } from '@hearth/store'
import type { StreamFeed } from './stream-feed.ts'

const topic = 'commits'

/**
 * Says to the other processes where the stream has come to, and takes their word for it: that it is worth looking. What
 * has been committed is read from the database, whatever the message says.
 */
export class StreamHints {
  readonly #bus: Bus
  #pending: { before: number; position: number; rows: number } | undefined

  constructor(deps: { bus: Bus; feed: StreamFeed; consumers: Pick<StreamConsumers<StoredChange>, 'hint'> }) {
    this.#bus = deps.bus
    if (!deps.bus.isShared) return
    deps.feed.onPublished(({ firstPos, count, changes }) => this.#gather(firstPos, count, changes.length))
    deps.bus.onHint(topic, ({ prev_pos: before, pos: position }) => {
      if (typeof before !== 'number' || typeof position !== 'number') return
      void deps.feed.heard(before, position)
    })
    deps.bus.onGap(() => void deps.feed.heard(0, Infinity))
    // What runs here follows what is committed elsewhere.
    deps.feed.listen((_changes, position) => deps.consumers.hint(position))
  }

  /** A batch of commits, of several rooms, is one message. */
  #gather(firstPos: number, count: number, rows: number): void {
    const position = firstPos + count - 1
    if (this.#pending) {
      this.#pending.before = Math.min(this.#pending.before, firstPos - 1)
      this.#pending.position = Math.max(this.#pending.position, position)
      this.#pending.rows += rows
      return
    }
    this.#pending = { before: firstPos - 1, position, rows }
    setImmediate(() => {
      const { before, position, rows } = this.#pending!
      this.#pending = undefined
      this.#bus.publish(topic, { prev_pos: before, pos: position, rows })
    })
  }
}
