import type { Bus } from '@hearth/queues'
import type { StreamConsumers, StoredChange } from '@hearth/store'
import type { Change } from './change.ts'
import type { Segment, StreamFeed } from './stream-feed.ts'

const topic = 'commits'

/**
 * Says to the other processes where the stream has come to, and takes their word for it: that it is worth looking. What
 * has been committed is read from the database, whatever the message says.
 */
export class StreamHints {
  readonly #bus: Bus
  #pending: { before: number; position: number; readonly kinds: Set<string> } | undefined

  constructor(deps: { bus: Bus; feed: StreamFeed; consumers: Pick<StreamConsumers<StoredChange>, 'hint'> }) {
    this.#bus = deps.bus
    if (!deps.bus.isShared) return
    deps.feed.onPublished((segment) => this.#gather(segment))
    deps.bus.onHint(topic, ({ prev_pos: before, pos: position, kinds }) => {
      if (typeof before !== 'number' || typeof position !== 'number' || !Array.isArray(kinds)) return
      void deps.feed.heard({ before, position, kinds: kinds.filter((kind) => typeof kind === 'string') })
    })
    deps.bus.onGap(() => void deps.feed.heard({ before: 0, position: Infinity, kinds: [] }))
    // What runs here follows what is committed elsewhere.
    deps.feed.listen((changes, position) => deps.consumers.hint(position, { hasState: changes.some(isState) }))
  }

  /** A batch of commits, of several rooms, is one message. */
  #gather({ firstPos, count, changes }: Segment): void {
    const position = firstPos + count - 1
    if (!this.#pending) setImmediate(() => this.#tell())
    const pending = (this.#pending ??= { before: firstPos - 1, position, kinds: new Set() })
    pending.before = Math.min(pending.before, firstPos - 1)
    pending.position = Math.max(pending.position, position)
    for (const { kind } of changes) if (kind !== 'member') pending.kinds.add(kind)
  }

  #tell(): void {
    const { before, position, kinds } = this.#pending!
    this.#pending = undefined
    this.#bus.publish(topic, { prev_pos: before, pos: position, kinds: [...kinds] })
  }
}

function isState(change: Change): boolean {
  return change.kind === 'event' && change.event.pdu.state_key !== undefined
}
