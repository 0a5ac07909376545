import { TimeSlice, type Clock } from '@hearth/runtime'
import { StateMap, type Store } from '@hearth/store'
import type { EventSerializer } from '../events/event-serializer.ts'
import type { EventPresenter } from '../rooms/event-presenter.ts'
import { formatToken } from '../rooms/position-token.ts'
import { membershipOf } from '../rooms/membership-content.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { Aggregator } from '../relations/aggregator.ts'
import type { LazyMembers } from './lazy-members.ts'
import { renderPresented, renderState } from './render-event.ts'
import { summaryJson, type RoomSummaries, type RoomSummary } from './room-summary.ts'
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

export interface RoomSection {
  /** The parts of the room's object, as JSON: `"timeline":{...}` and so on. */
  readonly parts: readonly string[]
  readonly isEmpty: boolean
}

/** A section while it is being put together. */
interface Draft {
  readonly request: RoomSectionRequest
  readonly window: Window
  readonly states: WindowStates
  readonly delta: StateDelta
  summary: RoomSummary | undefined
}

export interface RoomSectionsDeps {
  readonly store: Store
  readonly events: RoomEvents
  readonly serializer: EventSerializer
  readonly presenter: EventPresenter
  readonly aggregator: Aggregator
  readonly windows: RoomWindows
  readonly lazyMembers: LazyMembers
  readonly summaries: RoomSummaries
  readonly clock: Clock
}

/** Member events that are looked at to see whether they make a summary another one. */
const maxCompared = 20
/** What a summary depends on; members first. */
const summarizedTypes = ['m.room.member', 'm.room.name', 'm.room.canonical_alias']

/** The timeline and state of rooms as `/sync` gives them. Everything is looked up for all rooms of an answer together. */
export class RoomSections {
  readonly #deps: RoomSectionsDeps
  /** The numbers of the types that a summary depends on, once they are known. */
  #typeNids: readonly number[] | undefined

  constructor(deps: RoomSectionsDeps) {
    this.#deps = deps
  }

  /** The sections in the order of the requests. */
  async build(view: SyncView, requests: readonly RoomSectionRequest[]): Promise<RoomSection[]> {
    const slice = new TimeSlice(this.#deps.clock)
    const typeNids = this.#typeNids ?? (await this.#findTypeNids())
    const memberNid = typeNids[0]!
    const drafts = await this.#drafts(view, requests, memberNid, slice)
    await this.#summarize(view, drafts, typeNids)
    if (view.filter.lazyLoadsMembers) await this.#addMembers(view, drafts, memberNid)
    return this.#render(view, drafts, slice)
  }

  async #drafts(
    view: SyncView,
    requests: readonly RoomSectionRequest[],
    memberNid: number,
    slice: TimeSlice,
  ): Promise<Draft[]> {
    const windows = await this.#bundled(view, requests, await this.#windows(view, requests))
    await this.#deps.windows.prepareStatesBefore(requests, windows)
    const states = await Promise.all(requests.map((request, index) => this.#states(request, windows[index]!)))
    const options = {
      isFull: view.fullState,
      isAfter: view.useStateAfter,
      lazyTypeNid: view.filter.lazyLoadsMembers ? memberNid : undefined,
    }
    const drafts: Draft[] = []
    for (const [index, request] of requests.entries()) {
      if (slice.isOver) await slice.rest()
      const window = windows[index]!
      const delta = new StateDelta(states[index]!, window, options)
      const { ownMemberNid } = request
      if (ownMemberNid !== undefined && view.useStateAfter) {
        delta.set(memberNid, await this.#deps.store.stateKeys.intern(view.requester.userId), ownMemberNid)
      }
      drafts.push({ request, window, states: states[index]!, delta, summary: undefined })
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

  /** Counts members for the rooms where something changed that the summary tells of. */
  async #summarize(view: SyncView, drafts: readonly Draft[], typeNids: readonly number[]): Promise<void> {
    const isNews = await Promise.all(
      drafts.map(async ({ request, states }) => {
        if (!request.withSummary) return false
        return view.fullState || states.base === undefined || this.#changesSummary(states.base, states.end, typeNids)
      }),
    )
    const changed = drafts.filter((_, index) => isNews[index])
    if (changed.length === 0) return
    const rooms = changed.map(({ request: { room } }) => room)
    const summaries = await this.#deps.summaries.ofRooms(rooms, view.requester.userId)
    changed.forEach((draft, index) => (draft.summary = summaries[index]))
  }

  /** Whether names or memberships differ between two states. That a member is called otherwise is none of a summary's. */
  async #changesSummary(from: StateMap, to: StateMap, typeNids: readonly number[]): Promise<boolean> {
    const pairs: [before: number, after: number][] = []
    for (const { typeNid, before, after } of from.diff(to)) {
      if (!typeNids.includes(typeNid)) continue
      const isMember = typeNid === typeNids[0]
      if (!isMember || before === undefined || after === undefined || pairs.length === maxCompared) return true
      pairs.push([before, after])
    }
    if (pairs.length === 0) return false
    const events = await this.#deps.events.findByNids(pairs.flat())
    return pairs.some(([before, after]) => membershipOf(events.get(before)) !== membershipOf(events.get(after)))
  }

  /** With lazily loaded members: adds the member events that it takes to show the timeline and to name the room. */
  async #addMembers(view: SyncView, drafts: readonly Draft[], memberNid: number): Promise<void> {
    const { requester, since, filter, fullState, useStateAfter } = view
    const { lazyMembers, store } = this.#deps
    const wasReceived = lazyMembers.receivedBy(requester.deviceNid, since)
    for (const { request, window, delta, summary } of drafts) {
      const isNew = request.since === undefined || fullState
      const userIds = new Set<string>()
      if (isNew) userIds.add(requester.userId)
      for (const { event } of window.events) {
        userIds.add(event.pdu.sender)
        // To a client that takes no state from the timeline, its member events are state like any other.
        const { type, state_key: stateKey } = event.pdu
        if (useStateAfter && type === 'm.room.member' && stateKey !== undefined) userIds.add(stateKey)
      }
      const keyNids = new Set((await store.stateKeys.findAll([...userIds])).values())
      for (const { stateKeyNid } of summary?.heroes ?? []) keyNids.add(stateKeyNid)
      for (const keyNid of keyNids) {
        const nid = delta.target.get(memberNid, keyNid)
        if (nid === undefined || delta.has(memberNid, keyNid)) continue
        const isRedundant = !isNew && !filter.state.includeRedundantMembers && wasReceived(nid)
        if (!isRedundant) delta.set(memberNid, keyNid, nid)
      }
    }
  }

  async #render(view: SyncView, drafts: readonly Draft[], slice: TimeSlice): Promise<RoomSection[]> {
    const { requester, position, filter, useStateAfter, isContinued } = view
    const { serializer, lazyMembers } = this.#deps
    const groups = drafts.map(({ request: { room }, delta }) => {
      return { room, nids: filter.state.matchesRoom(room.id) ? delta.nids : [] }
    })
    const serialized = await serializer.serializeNidsOfRooms(groups)
    const now = serializer.now()
    const sections: RoomSection[] = []
    const sentMembers: number[] = []
    for (const [index, { request, window, summary }] of drafts.entries()) {
      const timeline: string[] = []
      for (const presented of window.events) {
        if (slice.isOver) await slice.rest()
        timeline.push(renderPresented(presented, filter, now))
        if (presented.event.pdu.type === 'm.room.member') sentMembers.push(presented.nid)
      }
      const state: string[] = []
      for (const nid of groups[index]!.nids) {
        const event = serialized.get(nid)
        if (!event || !filter.state.matches(event.source)) continue
        if (slice.isOver) await slice.rest()
        state.push(renderState(event, filter, now))
        if (event.source.pdu.type === 'm.room.member') sentMembers.push(nid)
      }
      // A client must not join the timeline of a room that is new to it to what it may have had of the room before.
      const isLimited = window.isLimited || (isContinued && request.since === undefined && request.upTo !== undefined)
      const parts = [
        `"timeline":{"events":[${timeline.join(',')}],"limited":${isLimited},"prev_batch":"${formatToken(window.start)}"}`,
        `"${useStateAfter ? 'state_after' : 'state'}":{"events":[${state.join(',')}]}`,
      ]
      if (summary) parts.push(`"summary":${summaryJson(summary)}`)
      sections.push({ parts, isEmpty: timeline.length === 0 && state.length === 0 && !isLimited && !summary })
    }
    if (filter.lazyLoadsMembers) lazyMembers.markSent(requester.deviceNid, sentMembers, position)
    return sections
  }

  async #findTypeNids(): Promise<readonly number[]> {
    const nids = await this.#deps.store.eventTypes.internAll(summarizedTypes)
    return (this.#typeNids = summarizedTypes.map((type) => nids.get(type)!))
  }
}
