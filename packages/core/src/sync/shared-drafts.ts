import { LruCache, type Metrics } from '@hearth/runtime'
import { hidesEvent } from '../account-data/ignored-users.ts'
import type { RoomTimeline } from './room-timeline.ts'
import type { RoomSectionRequest, SectionDraft } from './section-drafts.ts'
import type { SyncFilter } from './sync-filter.ts'
import type { SyncView } from './sync-view.ts'

/** In use at a time is what not everybody has been told of yet. */
const maxBytes = 16 * 1024 * 1024
const bytesPerDraft = 1_000

/** A stretch of a room's timeline as it is to many. */
export interface SharedStretch {
  readonly key: string
  readonly timeline: RoomTimeline
  /** Of its events, about. */
  readonly bytes: number
}

interface Shared {
  readonly stretch: SharedStretch
  readonly version: number
  /** Undefined while it is being found. */
  draft: SectionDraft | undefined
  readonly loading: Promise<SectionDraft>
}

/**
 * What new events are to everybody who was joined all the time and has the same filter: the first who is told of them finds
 * it, for all others.
 */
export class SharedDrafts {
  readonly #shared: LruCache<string, Shared>
  readonly #filterNids = new WeakMap<SyncFilter, number>()
  #filters = 0

  constructor(deps: { metrics: Metrics }) {
    this.#shared = new LruCache({
      name: 'section-drafts',
      maxBytes,
      sizeOf: ({ stretch }) => bytesPerDraft + stretch.bytes,
      metrics: deps.metrics,
    })
  }

  /**
   * The stretch that a request is for; undefined where the answer is its reader's alone: something of it is not in memory,
   * hidden from them or sent by their device, or there is more than the filter takes.
   */
  stretchOf(
    { filter, fullState, useStateAfter, requester: { deviceNid } }: SyncView,
    { room, watch, since, upTo, after, ownMemberNid, wasJoined, withSummary }: RoomSectionRequest,
    ignored: ReadonlySet<string> | undefined,
  ): SharedStretch | undefined {
    if (!watch || !wasJoined || !withSummary || fullState || filter.timeline.relatedBy || !ignored) return undefined
    if (since === undefined || upTo === undefined || after !== undefined || ownMemberNid !== undefined) return undefined
    const { timeline } = watch
    if (timeline.completeFrom > since) return undefined
    const entries = timeline.between(since, upTo)
    if (entries.length === 0 || entries.length > filter.timelineLimit) return undefined
    let bytes = 0
    for (const { event, client, transaction } of entries) {
      if (transaction?.deviceNid === deviceNid || (ignored.size > 0 && hidesEvent(ignored, event))) return undefined
      bytes += client.weight
    }
    // Between one event and the next nothing changes: from which position on the reader waited makes no difference.
    const key = `${room.nid} ${entries[0]!.pos} ${entries.at(-1)!.pos} ${this.#nidOf(filter)} ${useStateAfter}`
    return { key, timeline, bytes }
  }

  /** The draft of a stretch, if it is known, or when it will be. */
  find({ key, timeline }: SharedStretch): SectionDraft | Promise<SectionDraft> | undefined {
    const shared = this.#shared.get(key)
    if (shared?.stretch.timeline !== timeline || shared.version !== timeline.version) return undefined
    return shared.draft ?? shared.loading
  }

  /** Keeps the draft of a stretch, for which others may wait already. */
  add(stretch: SharedStretch, loading: Promise<SectionDraft>): void {
    const { key, timeline } = stretch
    const shared: Shared = { stretch, version: timeline.version, draft: undefined, loading }
    this.#shared.set(key, shared)
    loading.then(
      (draft) => (shared.draft = draft),
      () => this.#shared.delete(key),
    )
  }

  #nidOf(filter: SyncFilter): number {
    let nid = this.#filterNids.get(filter)
    if (nid === undefined) this.#filterNids.set(filter, (nid = ++this.#filters))
    return nid
  }
}
