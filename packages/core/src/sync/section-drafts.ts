import { stateTupleKey } from '@hearth/rooms'
import type { TimeSlice } from '@hearth/runtime'
import { StateMap, type Store } from '@hearth/store'
import type { Aggregator } from '../relations/aggregator.ts'
import type { EventPresenter } from '../rooms/event-presenter.ts'
import { membershipOf } from '../rooms/membership-content.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { RoomWatch } from './room-watch.ts'
import type { RoomWindows, Window } from './room-window.ts'
import { StateDelta, type WindowStates } from './state-delta.ts'
import type { SyncView } from './sync-view.ts'

/** One room in one answer. */
export interface RoomSectionRequest {
  readonly room: Room
  readonly watch?: RoomWatch | undefined
  /** What the client has of the room; undefined when the room is new to it. */
  readonly since: number | undefined
  /** Where the timeline begins for a room that is new to the client: at the end of an earlier stay. */
  readonly after?: number | undefined
  /** The last position that the reader may see; undefined when there is nothing but `ownMemberNid` for them. */
  readonly upTo: number | undefined
  /** The reader's own member event, where it comes after all else that they may see. */
  readonly ownMemberNid?: number | undefined
  /** The reader was joined from `since` on without a break. */
  readonly wasJoined?: boolean
  /** Whether the members are counted, which is for those who are joined. */
  readonly withSummary?: boolean
}

/** What an answer is to tell of a room, found but not written down. It never changes. */
export interface SectionDraft {
  readonly window: Window
  readonly delta: StateDelta
  /** Whether something changed that the summary tells of. */
  readonly isSummaryNews: boolean
  /** With lazily loaded members: whose member events it takes to show the timeline, by the numbers of their state keys. */
  readonly speakerNids: readonly number[]
}

export interface SectionDraftsDeps {
  readonly store: Store
  readonly events: RoomEvents
  readonly presenter: EventPresenter
  readonly aggregator: Aggregator
  readonly windows: RoomWindows
}

/** Member events that are looked at to see whether they make a summary another one. */
const maxCompared = 20
/** What a summary depends on; members first. */
const summarizedTypes = ['m.room.member', 'm.room.name', 'm.room.canonical_alias']

/** Finds what rooms have to tell. Everything is looked up for all rooms of an answer together. */
export class SectionDrafts {
  readonly #deps: SectionDraftsDeps
  /** The numbers of the types that a summary depends on, once they are known. */
  #typeNids: readonly number[] | undefined

  constructor(deps: SectionDraftsDeps) {
    this.#deps = deps
  }

  /** The number of the type of member events, once a draft was made. */
  get memberTypeNid(): number | undefined {
    return this.#typeNids?.[0]
  }

  /** The drafts in the order of the requests. */
  async make(view: SyncView, requests: readonly RoomSectionRequest[], slice: TimeSlice): Promise<SectionDraft[]> {
    const { store, windows: reader } = this.#deps
    const typeNids = (this.#typeNids ??= await this.#findTypeNids())
    const memberNid = typeNids[0]!
    const bundled = await this.#bundled(view, requests, await this.#windows(view, requests))
    const windows = view.useStateAfter
      ? bundled
      : await Promise.all(requests.map((request, index) => this.#afterLosers(request, bundled[index]!)))
    await reader.prepareStatesBefore(requests, windows)
    const states = await Promise.all(requests.map((request, index) => this.#states(request, windows[index]!)))
    const isNews = await Promise.all(
      requests.map((request, index) => this.#isSummaryNews(view, request, states[index]!, typeNids)),
    )
    const { lazyLoadsMembers } = view.filter
    const options = {
      isFull: view.fullState,
      isAfter: view.useStateAfter,
      lazyTypeNid: lazyLoadsMembers ? memberNid : undefined,
    }
    const drafts: SectionDraft[] = []
    for (const [index, request] of requests.entries()) {
      if (slice.isOver) await slice.rest()
      const window = windows[index]!
      const delta = new StateDelta(states[index]!, window, options)
      const { ownMemberNid } = request
      if (ownMemberNid !== undefined && view.useStateAfter) {
        delta.set(memberNid, await store.stateKeys.intern(view.requester.userId), ownMemberNid)
      }
      const speakerNids = lazyLoadsMembers ? await this.#speakers(view, window) : []
      drafts.push({ window, delta, isSummaryNews: isNews[index]!, speakerNids })
    }
    return drafts
  }

  async #windows({ requester, filter }: SyncView, requests: readonly RoomSectionRequest[]): Promise<Window[]> {
    const { windows, presenter } = this.#deps
    const read = await windows.readAll(
      requester,
      requests.map(({ room, watch, since, after = since, upTo, wasJoined = false }) => {
        const { timeline, timelineLimit: limit } = filter
        // An empty stretch, where nothing is for the reader to see.
        const range = upTo === undefined ? { after: 0, upTo: 0 } : { after, upTo }
        return { room, watch, ...range, limit, filter: timeline, wasJoined }
      }),
    )
    return Promise.all(
      requests.map(async ({ room, ownMemberNid }, index): Promise<Window> => {
        const window = read[index]!
        if (ownMemberNid === undefined) return window
        const own = await presenter.presentMembership(requester, room, [ownMemberNid])
        const events = [...window.events, ...own]
        return { ...window, events, start: (events[0]?.pos ?? 1) - 1 }
      }),
    )
  }

  /**
   * Who takes state from the timeline would take a state event that lost a state resolution for the current one. Such an event
   * is not shown: the timeline begins after it, and says that there is more.
   */
  async #afterLosers({ room, watch, upTo }: RoomSectionRequest, window: Window): Promise<Window> {
    if (upTo === undefined || window.events.every(({ currentStateNid }) => currentStateNid === undefined)) return window
    const end = await this.#deps.windows.stateAt(room, watch, upTo)
    const seen = new Set<string>()
    for (const [index, { pos, nid, event }] of [...window.events.entries()].reverse()) {
      const { type, state_key: stateKey } = event.pdu
      if (stateKey === undefined || pos > upTo || seen.has(stateTupleKey(type, stateKey))) continue
      seen.add(stateTupleKey(type, stateKey))
      if ((await this.#deps.events.findStateNid(end, type, stateKey)) === nid) continue
      return { ...window, events: window.events.slice(index + 1), isLimited: true, start: pos }
    }
    return window
  }

  /** The windows of which clients do not have all before, with what relates to their events. Others are told of all of it. */
  async #bundled(
    { requester }: SyncView,
    requests: readonly RoomSectionRequest[],
    windows: readonly Window[],
  ): Promise<Window[]> {
    const groups = requests.map(({ room, since, upTo }, index) => {
      const { events, isLimited } = windows[index]!
      return upTo !== undefined && (isLimited || since === undefined)
        ? { room, upTo, events }
        : { room, upTo: 0, events: [] }
    })
    const bundled = await this.#deps.aggregator.bundle(requester, groups)
    return windows.map((window, index) =>
      groups[index]!.events.length > 0 ? { ...window, events: bundled[index]! } : window,
    )
  }

  async #states({ room, watch, since, upTo }: RoomSectionRequest, { events }: Window): Promise<WindowStates> {
    if (upTo === undefined) return { base: StateMap.empty, start: StateMap.empty, end: StateMap.empty }
    const { windows } = this.#deps
    const first = events[0] !== undefined && events[0].pos <= upTo ? events[0] : undefined
    const [base, start, end] = await Promise.all([
      since === undefined ? undefined : windows.stateAt(room, watch, since),
      first && windows.stateBefore(room, watch, first),
      windows.stateAt(room, watch, upTo),
    ])
    return { base, start: start ?? end, end }
  }

  /** Whether names or memberships differ between two states. That a member is called otherwise is none of a summary's. */
  async #isSummaryNews(
    { fullState }: SyncView,
    { withSummary = false }: RoomSectionRequest,
    { base, end }: WindowStates,
    typeNids: readonly number[],
  ): Promise<boolean> {
    if (!withSummary || fullState || base === undefined) return withSummary
    const pairs: [before: number, after: number][] = []
    for (const { typeNid, before, after } of base.diff(end)) {
      if (!typeNids.includes(typeNid)) continue
      const isMember = typeNid === typeNids[0]
      if (!isMember || before === undefined || after === undefined || pairs.length === maxCompared) return true
      pairs.push([before, after])
    }
    if (pairs.length === 0) return false
    const events = await this.#deps.events.findByNids(pairs.flat())
    return pairs.some(([before, after]) => membershipOf(events.get(before)) !== membershipOf(events.get(after)))
  }

  async #speakers({ useStateAfter }: SyncView, { events }: Window): Promise<number[]> {
    const userIds = new Set<string>()
    for (const { event } of events) {
      const { sender, type, state_key: stateKey } = event.pdu
      userIds.add(sender)
      // To a client that takes no state from the timeline, its member events are state like any other.
      if (useStateAfter && type === 'm.room.member' && stateKey !== undefined) userIds.add(stateKey)
    }
    return [...(await this.#deps.store.stateKeys.findAll([...userIds])).values()]
  }

  async #findTypeNids(): Promise<readonly number[]> {
    const nids = await this.#deps.store.eventTypes.internAll(summarizedTypes)
    return summarizedTypes.map((type) => nids.get(type)!)
  }
}
